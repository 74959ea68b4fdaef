"""Delivery in a process of its own, so that it can be killed: `python -m … DATABASE_URL API_BASE PORT`."""

import asyncio
import signal
import sys

import asyncpg
from aiohttp import web

from notify_service.edge import twilio_http
from notify_service.loops import Loops
from tests.integration.notify.delivery.desk import MovableClock, account, hang_up, wired


async def main(database_url: str, api_base: str, port: int) -> None:
    """Delivers until SIGTERM."""
    accounts = {"main": account()}
    public_url = f"http://127.0.0.1:{port}"
    async with asyncpg.create_pool(database_url, min_size=1, max_size=8) as pool:
        _, delivery, replies = wired(
            pool, MovableClock(), accounts, api_base, public_url, count=lambda _what, _labels, _by: None
        )
        loops = Loops()
        app = web.Application()
        desks = twilio_http.Desks(delivery.tell, replies.take, replies.whose, hang_up)
        twilio_http.setup(app, public_url, accounts, desks, lambda _what: None)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, loops.stopping.set)
        delivery.start(loops)
        replies.start(loops)
        sys.stdout.write("up\n")
        sys.stdout.flush()
        await loops.watch()
        await loops.close(15)
        await delivery.close()
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
