#!/bin/sh
# Looks, on a Mac with Apple's `container`, at what bottle could not verify: docs/backends.md lists it. Prints one line for each point.
# It makes containers and networks named bottle-verify-*, and removes them. It needs the network, and an image with sh, nc and ip:
#   IMAGE=alpine:3.22 sh docs/verify-on-macos.sh
set -u
IMAGE="${IMAGE:-alpine:3.22}"
NET=bottle-verify-internal
OTHER=bottle-verify-other

say() { printf '%s: %s\n' "$1" "$2"; }
clean() {
  for name in a b c s; do container delete --force "bottle-verify-$name" >/dev/null 2>&1; done
  container network delete "$NET" "$OTHER" >/dev/null 2>&1
  rm -rf "$STAGE"
}
guest() { name=$1; shift; container exec "bottle-verify-$name" sh -c "$*"; }
address() { container inspect "bottle-verify-$1" | sed -n 's/.*"ipv4Address" *: *"\([0-9.]*\).*/\1/p' | tail -n 1; }

[ "$(uname -s)" = Darwin ] || { echo "this is to be run on a Mac"; exit 64; }
container system status >/dev/null 2>&1 || { echo "start it first: container system start"; exit 1; }
container system version
sw_vers -productVersion
STAGE=$(mktemp -d)
trap clean EXIT INT TERM
clean
mkdir -p "$STAGE"
chmod 755 "$STAGE"
echo staged >"$STAGE/file"
chmod 644 "$STAGE/file"

container image pull "$IMAGE" >/dev/null || exit 1
container network create --internal --subnet=10.207.250.0/24 "$NET" >/dev/null || exit 1
if container network create --internal --subnet=10.207.251.8/29 "$OTHER" >/dev/null 2>&1; then
  say 5 "a /29 is taken"
else
  say 5 "a /29 is refused"
  container network create --internal --subnet=10.207.251.0/24 "$OTHER" >/dev/null || exit 1
fi
container run -d --name=bottle-verify-a --network="$NET" --no-dns --tmpfs=/run/bottle "$IMAGE" sleep 600 >/dev/null || exit 1
container run -d --name=bottle-verify-b --network="$OTHER" --no-dns "$IMAGE" sleep 600 >/dev/null || exit 1
container run -d --name=bottle-verify-s --network=default --network="$NET" --dns=1.1.1.1 --user=65532:65532 \
  "--mount=type=bind,source=$STAGE,target=/etc/staged,readonly" "$IMAGE" sleep 600 >/dev/null || exit 1

# The control: the same probe where it must succeed. Without it, a closed network proves nothing.
control=$(guest s 'nc -z -w 5 1.1.1.1 443 && echo open || echo closed')
say control "1.1.1.1:443 from the network that leads out: $control"
say 1 "1.1.1.1:443 from the internal network: $(guest a 'nc -z -w 5 1.1.1.1 443 && echo OPEN || echo closed')"
say 2 "a name asked of the internal gateway: $(guest a 'nslookup -timeout=5 example.org 10.207.250.1 >/dev/null 2>&1 && echo ANSWERED || echo unanswered')"
say 3 "IPv6 from the internal network: $(guest a 'ip -6 route show default | grep -q . && (nc -z -w 5 2606:4700:4700::1111 443 && echo OPEN || echo closed) || echo "no default route"')"
say 4 "another bottle's network: $(guest a "nc -z -w 5 $(address b) 1 2>&1; ping -c 1 -W 5 $(address b) >/dev/null 2>&1 && echo REACHED || echo unreached")"
say 6 "a staged file read by 65532: $(guest s 'cat /etc/staged/file 2>&1')"
container exec bottle-verify-a touch /run/bottle/go
container stop bottle-verify-a >/dev/null && container start bottle-verify-a >/dev/null
say 7 "a mark in --tmpfs after stop and start: $(guest a '[ -e /run/bottle/go ] && echo STILL THERE || echo gone')"
(nc -l 10.207.250.1 8899 >/dev/null 2>&1 & listener=$!; sleep 1; kill -0 "$listener" 2>/dev/null && say 8 "the gateway's address can be bound" || say 8 "the gateway's address CANNOT be bound"; kill "$listener" 2>/dev/null)
say host "the host at the internal gateway, a service on all addresses: $( (nc -l 8898 >/dev/null 2>&1 &) ; sleep 1; guest a 'nc -z -w 5 10.207.250.1 8898 && echo REACHED || echo unreached')"
container run -d --name=bottle-verify-c --network=default --user=root --cap-drop=ALL --cap-add=NET_ADMIN "$IMAGE" sleep 600 >/dev/null &&
  say 9 "nftables in the guest: $(guest c 'command -v nft >/dev/null || apk add --quiet nftables >/dev/null 2>&1; echo "table inet t { chain o { type filter hook output priority 0; policy drop; } }" | nft -f - && echo loaded || echo REFUSED')"
