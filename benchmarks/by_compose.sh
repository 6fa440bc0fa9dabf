#!/bin/sh
# One attempt by docker-compose, with the services of compose/lab.yaml. With the argument `up`,
# the services are brought up by a command of their own; without, by the client that depends on
# them. BENCH_SERVICES and BENCH_OVERRIDE name others than the scenario of one lab has.
set -eu

services=${BENCH_SERVICES:-closed}
override=${BENCH_OVERRIDE:-$(dirname "$0")/compose.yaml}

compose() {
    docker-compose --project-name "$BENCH_NAME" --file "$BENCH_COMPOSE" \
        --file "$override" "$@"
}

trap 'compose down --volumes' EXIT
if [ "${1-}" = up ]; then
    # shellcheck disable=SC2086
    compose up --detach $services
    set -- --no-deps
fi
# The exception goes to stderr and ends the client with 1.
compose run --rm -T "$@" client 2>&1 || test $? = 1
