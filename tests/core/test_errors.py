"""The error tree, and the sentence for a name that does not exist."""

from edgekit.core import errors


def test_every_error_is_an_edgekit_error_and_stands_in_the_picture():
    found = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert len(found) == 11
    for kind in found:
        assert issubclass(kind, errors.EdgeKitError)
        assert kind.__name__ in errors.__doc__


def test_a_near_miss_is_answered_with_the_nearest_name():
    assert errors.unknown("setting", "sparsty", ["bits", "sparsity"]) == (
        "no setting 'sparsty'. Did you mean 'sparsity'?"
    )


def test_a_wild_guess_is_answered_with_all_names_in_order():
    assert errors.unknown("model", "vgg", ["b", "a"]) == "no model 'vgg'. There are: a, b."


def test_where_there_is_nothing_it_says_none():
    assert errors.unknown("run", "x", []) == "no run 'x'. There are: none."
