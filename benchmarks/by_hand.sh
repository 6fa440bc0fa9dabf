#!/bin/sh
# One attempt by hand: each command after the other, as a person's script has them.
#
# Without an argument, no more than it takes: on a user's network, the engine itself answers for
# aliases, so there is no name server. No waiting for `closed` either: it refuses connections as
# soon as it has an address, and `docker run` returns later than that.
#
# With the argument `whole`, all that a lab has, each in a container: its name server, the service,
# the tap, and the client in the tap's namespace.
#
# shellcheck disable=SC2086 # LABELS, HARDENED and QUIET hold several words
set -eu

LABELS="--label labctl.run=$BENCH_RUN --label labctl.expires=$BENCH_EXPIRES"
HARDENED="--cap-drop ALL --security-opt no-new-privileges:true --ipc none --pull never"
QUIET="--read-only --log-driver none"

remove() {
    docker rm --force --volumes $started >/dev/null
    docker network rm "$BENCH_NAME" >/dev/null
}

# run_service NAME COMMAND OPTIONS...: start it on the lab's network, by its name.
run_service() {
    name=$1
    program=$2
    shift 2
    started="$started $BENCH_NAME-$name"
    docker run --detach --name "$BENCH_NAME-$name" $LABELS $HARDENED \
        --network "$BENCH_NAME" "$@" "$BENCH_LAB_IMAGE" "$program" >/dev/null
}

wait_until_ready() {
    until docker logs "$BENCH_NAME-$1" | grep -q '"event": "ready"'; do :; done
}

started=""
docker network create $LABELS --internal --subnet "$BENCH_SUBNET" \
    --opt com.docker.network.bridge.inhibit_ipv4=true "$BENCH_NAME" >/dev/null
trap remove EXIT

if [ "${1-}" = whole ]; then
    # The addresses are those of compose/lab.yaml.
    run_service dns dns --read-only --ip 198.18.0.2 --env LAB_ZONE=closed.lab=198.18.0.11
    run_service closed script $QUIET --ip 198.18.0.11
    run_service tap tap --cap-add NET_RAW --dns 198.18.0.2
    wait_until_ready dns
    wait_until_ready tap
    network="container:$BENCH_NAME-tap"
else
    run_service closed script $QUIET --network-alias closed.lab
    network=$BENCH_NAME
fi

# The exception goes to stderr and ends the client with 1.
docker run --rm --name "$BENCH_NAME-client" $LABELS $HARDENED $QUIET --network "$network" \
    --user 65534:65534 --tmpfs /tmp:size=16m,nr_inodes=1k,mode=1777 \
    --memory 256m --memory-swap 256m --pids-limit 64 --cpus 1 \
    --ulimit nofile=256:256 --ulimit core=0:0 \
    --entrypoint /labctl/python "$BENCH_CLIENT_IMAGE" -I -c "$BENCH_SOURCE" 2>&1 || test $? = 1
