#!/bin/bash
# What an operator without harborweb would type.
set -e
cd "$(dirname "$0")"
./prepare "$@"
docker compose down -v
docker compose up -d
