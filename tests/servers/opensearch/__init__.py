"""A real OpenSearch for tests: one process of Java on free loopback ports, ended with the tests."""

from tests.servers.opensearch.running import NEWEST, OLDEST, running

__all__ = ["NEWEST", "OLDEST", "running"]
