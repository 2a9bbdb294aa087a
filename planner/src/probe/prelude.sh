set -f
unset http_proxy https_proxy all_proxy ftp_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY FTP_PROXY NO_PROXY

has() { command -v "$1" >/dev/null 2>&1; }

# answer NUMBER WORD TEXT..: one line, short enough to be written at one stroke.
answer() {
  number=$1 word=$2
  shift 2
  # Unquoted: white space of any kind becomes one blank.
  set -- $*
  printf '%s %s %s %.3000s\n' "$nonce" "$number" "$word" "$*"
}

# limit SECONDS COMMAND..: as `timeout` where there is none.
if has timeout && timeout 1 true 2>/dev/null; then
  limit() { timeout "$@"; }
else
  limit() {
    seconds=$1
    shift
    exec 4<&0
    "$@" <&4 &
    running=$!
    (
      sleep "$seconds"
      kill "$running"
    ) >/dev/null 2>&1 &
    watching=$!
    # The shell would say how it ended.
    wait "$running" 2>/dev/null
    code=$?
    kill "$watching" 2>/dev/null
    return "$code"
  }
fi

stream=
for tool in $streams; do
  case $tool in
    busybox) has busybox && busybox nc --help 2>&1 | { read -r line && case $line in BusyBox*) ;; *) false ;; esac; } && stream=busybox ;;
    *) has "$tool" && stream=$tool ;;
  esac
  [ -n "$stream" ] && break
done
datagram=
for tool in $datagrams; do
  has "$tool" || continue
  [ "$tool" = bash ] && ! has dd && continue
  datagram=$tool
  break
done

# converse HOST PORT TEXT: what is answered. 0, or a death by the limit, when there was a connection.
converse() {
  case $stream in
    nc) printf '%b' "$3" | limit 3 nc -w 2 "$1" "$2" ;;
    busybox) printf '%b' "$3" | limit 3 busybox nc -w 2 "$1" "$2" ;;
    socat)
      case $1 in
        *:*) printf '%b' "$3" | limit 3 socat -t 2 - "TCP6:[$1]:$2,connect-timeout=2" ;;
        *) printf '%b' "$3" | limit 3 socat -t 2 - "TCP:$1:$2,connect-timeout=2" ;;
      esac
      ;;
    bash)
      limit 3 bash -c 'exec 3<>"/dev/tcp/$0/$1" || exit 1
        printf "%b" "$2" >&3
        while IFS= read -r -t 2 line <&3 || [ -n "$line" ]; do printf "%s\n" "$line"; done
        exit 0' "$1" "$2" "$3"
      ;;
    python3)
      printf '%b' "$3" | limit 3 python3 -c 'import socket, sys
said = sys.stdin.buffer.read()
try:
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)
except OSError as why:
    sys.exit(str(why))
try:
    s.sendall(said)
    while True:
        heard = s.recv(4096)
        if not heard: break
        sys.stdout.buffer.write(heard); sys.stdout.flush()
except OSError:
    pass' "$1" "$2"
      ;;
    node)
      printf '%b' "$3" | limit 3 node -e 'const net = require("net"), [host, port] = process.argv.slice(1);
const said = require("fs").readFileSync(0);
const s = net.connect({ host, port });
let up = false;
s.setTimeout(2000, () => { s.destroy(); process.exit(up ? 0 : 1); });
s.on("connect", () => { up = true; s.write(said); });
s.on("data", heard => process.stdout.write(heard));
s.on("error", why => { if (!up) { console.error(why.code); process.exit(1); } });' "$1" "$2"
      ;;
    curl)
      # It hangs up when there is no more to say.
      say() {
        printf '%b' "$1"
        sleep 2
      }
      case $1 in
        *:*) say "$3" | limit 3 curl -sS --noproxy '*' --connect-timeout 2 --max-time 3 "telnet://[$1]:$2" ;;
        *) say "$3" | limit 3 curl -sS --noproxy '*' --connect-timeout 2 --max-time 3 "telnet://$1:$2" ;;
      esac
      ;;
  esac
}

# tcp NUMBER HOST PORT TEXT
tcp() {
  if [ -z "$stream" ]; then
    answer "$1" cannot "none of nc, busybox, socat, bash, python3, node, curl is in the image"
    return
  fi
  said=$(converse "$2" "$3" "$4" 2>&1)
  code=$?
  # The last line may be the shell's own word on whom the limit ended: nobody answered that.
  case $code,$said in
    137,* | 143,*)
      last=${said##*"
"}
      case $last in *Terminated* | *Killed*) said=${said%"$last"} ;; esac
      ;;
  esac
  # curl: 28 is a time-out, before and after the connection; 7 is none.
  [ "$stream" = curl ] && [ "$code" = 28 ] && [ -n "$said" ] && code=0
  case $code in
    0 | 124 | 137 | 143) if [ -n "$said" ]; then answer "$1" open "$said"; else answer "$1" connected; fi ;;
    *)
      case $said in
        *[Rr]efused* | *ECONNREFUSED*) answer "$1" refused ;;
        *) answer "$1" shut "$said" ;;
      esac
      ;;
  esac
}

# udp NUMBER HOST PORT TEXT
udp() {
  said=
  case $datagram in
    socat) said=$(printf '%b' "$4" | limit 3 socat -t 2 - "UDP-DATAGRAM:$2:$3,broadcast" 2>/dev/null) ;;
    bash)
      said=$(limit 3 bash -c 'exec 3<>"/dev/udp/$0/$1" || exit 1
        printf "%b" "$2" >&3
        # At one stroke: what is left of a datagram is lost.
        dd bs=4096 count=1 <&3' "$2" "$3" "$4" 2>/dev/null)
      ;;
    python3)
      said=$(printf '%b' "$4" | limit 3 python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.settimeout(2)
s.sendto(sys.stdin.buffer.read(), (sys.argv[1], int(sys.argv[2])))
sys.stdout.buffer.write(s.recv(4096))' "$2" "$3" 2>/dev/null)
      ;;
    node)
      said=$(printf '%b' "$4" | limit 3 node -e 'const [host, port] = process.argv.slice(1), s = require("dgram").createSocket("udp4");
s.on("message", heard => { process.stdout.write(heard); s.close(); process.exit(0); });
s.on("error", () => process.exit(1));
s.bind(() => { s.setBroadcast(true); s.send(require("fs").readFileSync(0), port, host); });
setTimeout(() => process.exit(1), 2000);' "$2" "$3" 2>/dev/null)
      ;;
    *)
      answer "$1" cannot "none of socat, bash, python3, node is in the image"
      return
      ;;
  esac
  if [ -n "$said" ]; then answer "$1" open "$said"; else answer "$1" shut; fi
}

# lookup NUMBER NAME [SERVER]
lookup() {
  # nslookup asks servers only, and programs look into this file first.
  if [ -z "$3" ] && said=$(lines /etc/hosts "[!#]*[ 	]$2" "[!#]*[ 	]$2[ 	]*") && [ -n "$said" ]; then
    answer "$1" open "$said"
    return
  fi
  if has nslookup; then
    said=$(limit 3 nslookup "$2" $3 2>&1)
  elif [ -n "$3" ]; then
    answer "$1" cannot "there is no nslookup in the image to ask a server of one's own choice"
    return
  elif has getent; then
    said=$(limit 3 getent hosts "$2" 2>&1)
  elif has python3; then
    said=$(limit 3 python3 -c 'import socket, sys; print(socket.gethostbyname(sys.argv[1]))' "$2" 2>&1)
  elif has node; then
    said=$(limit 3 node -e 'require("dns").lookup(process.argv[1], (why, at) => { console.log(at); process.exit(why ? 1 : 0); })' "$2" 2>&1)
  else
    answer "$1" cannot "none of nslookup, getent, python3, node is in the image"
    return
  fi
  case $?,$said in
    0,*) answer "$1" open "$said" ;;
    *NXDOMAIN*) answer "$1" nobody ;;
    *) answer "$1" shut "$said" ;;
  esac
}

# reach NUMBER HOST
reach() {
  if ! has ping; then
    answer "$1" cannot "there is no ping in the image"
    return
  fi
  said=$(limit 3 ping -c 1 -W 2 "$2" 2>&1)
  case $?,$said in
    0,*) answer "$1" open echo ;;
    *ermission* | *ermitted*) answer "$1" cannot "ping may not be used" ;;
    *) answer "$1" shut "$said" ;;
  esac
}

# lines FILE [PATTERN..]: its lines, or those of a pattern, by nothing but the shell.
lines() {
  file=$1
  shift
  [ -r "$file" ] || return 1
  while IFS= read -r line || [ -n "$line" ]; do
    if [ $# -eq 0 ]; then
      printf '%s\n' "$line"
      continue
    fi
    for pattern; do
      case $line in $pattern) printf '%s\n' "$line" ;; esac
    done
  done <"$file"
}

# show NUMBER FILE [PATTERN..]
show() {
  number=$1
  shift
  if said=$(lines "$@" 2>/dev/null); then answer "$number" open "$said"; else answer "$number" cannot "$1 cannot be read"; fi
}

# sockets NUMBER PATH..: those that are there.
sockets() {
  number=$1
  shift
  said=
  for path; do [ -S "$path" ] && said="$said $path"; done
  answer "$number" open "found:$said"
}

# processes NUMBER NAME: the processes of a name that can be seen.
processes() {
  said=
  set +f
  for comm in /proc/[0-9]*/comm; do
    read -r name 2>/dev/null <"$comm" && [ "$name" = "$2" ] && said="$said $comm"
  done
  set -f
  [ -r /proc/self/comm ] && answer "$1" open "found:$said" || answer "$1" cannot "/proc cannot be read"
}

# unshared NUMBER: whether a user namespace of one's own can be had.
unshared() {
  if has unshare; then
    if said=$(limit 3 unshare -U true 2>&1); then answer "$1" open yes; else answer "$1" open no; fi
  else
    answer "$1" cannot "there is no unshare in the image"
  fi
}

# inet6 NUMBER: the IPv6 addresses of all interfaces; none where the kernel has no IPv6.
inet6() {
  if [ -e /proc/net/if_inet6 ]; then
    show "$1" /proc/net/if_inet6
  elif [ -r /proc/net/dev ]; then
    answer "$1" open
  else
    answer "$1" cannot "/proc/net cannot be read"
  fi
}
