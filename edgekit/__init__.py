"""EdgeKit: compress a network, measure the file that comes out, and keep both.

    import edgekit as ek

    run = ek.compress(ek.load("resnet8-cifar10"), ek.Recipe.parse("prune_channels,sparsity=0.5", "quantize_static"))
    print(run.measurements["accuracy"].value, run.artifact.path)

Names are imported when first used, so that `import edgekit` is instant.
"""

import importlib

_HOMES = {
    "Budget": "core.budget",
    "EdgeKitError": "core.errors",
    "Measurement": "core.measurement",
    "Model": "core.model",
    "Recipe": "recipe",
    "Run": "core.run",
    "Store": "store.store",
    "compress": "pipeline",
    "estimate": "devices.estimate",
    "estimates": "devices.estimate",
    "frontier": "search.frontier",
    "load": "library",
    "search": "",
    "sweep": "search.sweep",
    "techniques": "registry",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'edgekit' has no attribute '{name}'")
    if name == "search":  # a folder that can be called
        return importlib.import_module("edgekit.search")
    return getattr(importlib.import_module(f"edgekit.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
