"""Tests of edgekit/export. Those of a converter run where its tools are installed."""
