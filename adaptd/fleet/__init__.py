"""Many boxes: a witness of their logs, a lake of their hours, questions to it, and policies rolled out in waves."""
