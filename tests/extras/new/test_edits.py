"""The lock loses the example's data, and nothing else."""

from extras.new.edits import lock


def test_the_lock_loses_one_package():
    """The package with its hashes."""
    assert lock("a==1\nnycflights13==0.0.3 \\\n    --hash=sha256:0\nz==2\n", "") == "a==1\nz==2\n"
