"""The loop and everything it alone uses: sample, step, record, act, reload, jobs, status."""
