"""``python -m natriface.workflows.queue_job WORKSPACE NAME``: the last line of a job's script.

Scripts wait in queues across upgrades, so this module stays at its path.
"""

from natriface.workflows.jobs.process import main

if __name__ == "__main__":
    main()
