"""python -m edgekit …"""

from edgekit.cli import main

if __name__ == "__main__":  # a process that a worker starts imports this file, and must not start a worker again
    main()
