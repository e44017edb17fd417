"""A stand-in for vLLM's server that starts at once: its doors, its processes, its ways to die.

It takes vLLM's arguments, starts a child that goes on by itself, as vLLM's engine does, and binds
its port as vLLM does. What it is to do wrong is in the environment.
"""

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

METRICS = """# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="double"} 2.0
vllm:num_requests_waiting{engine="0",model_name="double"} 3.0
vllm:kv_cache_usage_perc{engine="0",model_name="double"} 0.25
vllm:prompt_tokens_total{engine="0",model_name="double"} 100.0
vllm:generation_tokens_total{engine="0",model_name="double"} 20.0
vllm:request_inference_time_seconds_sum{engine="0",model_name="double"} 1.5
vllm:cache_config_info{block_size="16",num_gpu_blocks="10",note="a \\"b\\", c"} 1.0
"""

IDLE = re.sub(r"(num_requests_.*) .*", r"\1 0.0", METRICS)

MESSAGE = {"role": "assistant", "content": "{"}

ENGINE = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(3600)"


class Doors(BaseHTTPRequestHandler):
    """Health, models, metrics, and chats."""

    models: tuple[str, ...] = ()
    answered = 0

    def do_GET(self) -> None:
        listed = json.dumps({"data": [{"id": name} for name in self.models]})
        metrics = METRICS if os.environ.get("DOUBLE_BUSY") else IDLE
        metrics = metrics.replace("} 20.0", f"}} {20 + Doors.answered}")
        load = json.dumps({"server_load": int(os.environ.get("DOUBLE_LOAD", "0"))})
        answers = {"/metrics": metrics, "/v1/models": listed, "/load": load}
        text = answers.get(self.path, "")
        locked = os.environ.get("VLLM_API_KEY") and self.path.startswith("/v1/")
        self.send_response(401 if locked else 200)
        self.end_headers()
        self.wfile.write(b"" if locked else text.encode())

    def do_POST(self) -> None:
        """One token of whatever is asked for, as vLLM gives where `max_tokens` is 1."""
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        with Path(os.environ["DOUBLE_ASKED"]).open("ab") as file:
            file.write(asked + b"\n")
        if os.environ.get("DOUBLE_HANGS"):
            time.sleep(3600)
        if os.environ.get("DOUBLE_REFUSES", "nothing") in asked.decode():
            self._say(400, {"error": {"message": "no grammar", "code": 400}})
            return
        Doors.answered += 1
        choice = {"index": 0, "finish_reason": "length", "message": MESSAGE}
        usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
        self._say(200, {"id": "1", "model": "double", "choices": [choice], "usage": usage})

    def _say(self, status: int, body: dict[str, object]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


class Server(ThreadingHTTPServer):
    """Shares its port with whoever else wants to, as vLLM does."""

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        super().server_bind()


def main() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--port", type=int)
    parser.add_argument("--served-model-name")
    parser.add_argument("--lora-modules", nargs="*", default=[])
    given, _ = parser.parse_known_args()
    starts = Path(os.environ["DOUBLE_STARTS"])
    with starts.open("a") as file:
        file.write(f"{os.getpid()}\n")
    if os.environ.get("DOUBLE_STUBBORN"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    subprocess.Popen([sys.executable, "-c", ENGINE])
    print("(EngineCore pid=1) INFO 11-20 11:57:05 [core.py:1] Loading weights", flush=True)
    time.sleep(float(os.environ.get("DOUBLE_SLOW_S", "0")))
    if Path(os.environ.get("DOUBLE_BREAKS", "/nowhere")).exists():
        print("(EngineCore pid=1) ValueError: the \x1b[31mfirst error", flush=True)
        print("RuntimeError: Engine core initialization failed.", flush=True)
        sys.exit(3)
    adapters = [json.loads(each)["name"] for each in given.lora_modules]
    Doors.models = (given.served_model_name, *adapters)
    Server(("127.0.0.1", given.port), Doors).serve_forever()


if __name__ == "__main__":
    main()
