"""The machine that measures: latency is only ever compared within one host."""

from pydantic import BaseModel


class Host(BaseModel, frozen=True):
    """What a measurement must name about the machine it was taken on.

    Attributes:
        id: short hash of the rest; the same machine gives the same id.
        cpu: the processor's name.
        architecture: "x86_64", "aarch64", …
        features: instruction sets that matter for integer arithmetic, such as "avx512_vnni".
        cores: processors this process may use.
        memory_bytes: all of it.
    """

    id: str
    cpu: str
    architecture: str
    features: tuple[str, ...]
    cores: int
    memory_bytes: int
    system: str

    @property
    def has_fast_int8(self) -> bool:
        """Whether uint8 × int8 products are summed without overflow and at full speed (VNNI, or an ARM core)."""
        return self.architecture in ("aarch64", "arm64") or any("vnni" in f for f in self.features)
