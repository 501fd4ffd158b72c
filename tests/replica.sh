# Sourced by scripts that talk to a replica of their own.

# Starts the program $sawt on an embedded store in $directory, with its log there, and waits until it is ready. What is
# exported is set for it too. Says in $replica which process it is, and in $address where it listens.
start_replica() {
  (
    cd "${directory:?}" || exit
    export SAWT_LISTEN=127.0.0.1:0 SAWT_OPS_LISTEN=off SAWT_LOG=info SAWT_LOG_FORMAT=json SAWT_DRAIN_SECS=0
    exec "${sawt:?}" serve 2>log
  ) &
  replica=$!
  address=
  while [ -z "$address" ]; do
    kill -0 "$replica" || { cat "$directory/log"; exit 1; }
    address=$(grep -F '"message":"listening"' "$directory/log" 2>/dev/null | grep -oE '127\.0\.0\.1:[0-9]+' | head -1) || true
  done
  until curl --silent --fail --output /dev/null "http://$address/readyz"; do kill -0 "$replica"; done
}
