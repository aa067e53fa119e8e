"""The HTTP API of the admin port: humans' answers, access for a while, reviews. Small JSON over HTTP/1.1, each request proven."""
