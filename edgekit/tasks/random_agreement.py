"""Agreement on made-up inputs, of which it says little how well a network does on real ones."""

from edgekit.tasks.agreement import Agreement


class RandomAgreement(Agreement):
    """See the module docstring."""

    title, metric = "Agreement on random inputs", "random_agreement"
