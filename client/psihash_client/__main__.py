"""``python -m psihash_client`` is ``psihash``."""

from psihash_client.main import main

main()
