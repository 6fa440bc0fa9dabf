#!/bin/sh
# One attempt by docker-compose, with the services of compose/lab.yaml. With the argument `up`,
# the service is brought up by a command of its own; without, by the client that depends on it.
set -eu

compose() {
    docker-compose --project-name "$BENCH_NAME" --file "$BENCH_COMPOSE" \
        --file "$(dirname "$0")/compose.yaml" "$@"
}

trap 'compose down --volumes' EXIT
if [ "${1-}" = up ]; then
    compose up --detach closed
    set -- --no-deps
fi
# The exception goes to stderr and ends the client with 1.
compose run --rm -T "$@" client 2>&1 || test $? = 1
