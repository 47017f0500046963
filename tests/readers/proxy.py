"""A proxy that writes down what readers ask and what they get. It changes nothing."""

import http.client
import http.server
import threading

HOP = {"connection", "keep-alive", "transfer-encoding"}


class Proxy:
    """Forwards from a free loopback port to `port`; `visits` are (path, asked with validators, status)."""

    def __init__(self, port):
        self.visits = []
        visits = self.visits

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                server = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                try:
                    headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
                    server.request(self.command, self.path, headers=headers)
                    answer = server.getresponse()
                    body = answer.read()
                    asked = [self.headers.get("If-None-Match"), self.headers.get("If-Modified-Since")]
                    visits.append((self.path, any(asked), answer.status))
                    self.send_response_only(answer.status)
                    for name, value in answer.getheaders():
                        if name.lower() not in HOP:
                            self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)
                finally:
                    server.close()

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
