"""Names of any kind become Python names."""

from extras.new.names import clean_names


def test_names_of_any_kind_become_python_names():
    """Spaces, umlauts, reserved words, leading digits, signs only, and duplicates after cleaning."""
    names = ["Größe (€)", "class", "2nd value", "customerID", "a b", "a-b", "€", "probability", "model_x", "max"]
    cleaned = clean_names(names)
    assert cleaned == [
        "groesse", "class_value", "n2nd_value", "customer_id", "a_b", "a_b_2", "column", "probability_value",
        "the_model_x", "max_value",
    ]  # fmt: skip
    assert all(name.isidentifier() for name in cleaned)
