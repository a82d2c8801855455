"""What follows a decision: the report and the webhook; each module defines `write(folder, findings)`."""
