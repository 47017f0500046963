#!/usr/bin/env bash
# Makes the certificates of src/net/chain/tests.rs and tests/it/chains.rs anew: bash make.sh
# The keys of the authorities are thrown away; those of the servers are kept, for the tests serve with them.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/issued"
: >"$work/index"
echo 1000 >"$work/serial"
cat >"$work/ca.conf" <<CONF
[ca]
default_ca = own
[own]
dir = $work
database = $work/index
serial = $work/serial
new_certs_dir = $work/issued
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
CONF

key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$work/$1.key"; }

# issue NAME SUBJECT ISSUER EXTENSIONS [START END]
issue() {
  key "$1"
  openssl req -new -key "$work/$1.key" -subj "/CN=$2" -out "$work/$1.csr"
  printf '%s\n' "$4" >"$work/$1.ext"
  local as=(-cert "$work/$3.pem" -keyfile "$work/$3.key")
  if [ "$3" = "$1" ]; then as=(-selfsign -keyfile "$work/$1.key"); fi
  openssl ca -batch -notext -config "$work/ca.conf" "${as[@]}" -in "$work/$1.csr" -extfile "$work/$1.ext" \
    -startdate "${5:-20240101000000Z}" -enddate "${6:-20990101000000Z}" -out "$work/$1.pem" 2>/dev/null
  openssl x509 -in "$work/$1.pem" -outform DER -out "$1.der"
}

at() { echo "authorityInfoAccess = caIssuers;URI:http://aia.example/$1"; }
authority=$'basicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign,cRLSign'
server() { printf 'basicConstraints = CA:FALSE\nsubjectAltName = DNS:%s\n' "${1:-portal.example}"; }

issue root "Test root" root "$authority"
issue middle "Test intermediate" root "$authority"
issue lower "Test lower intermediate" middle "$authority
$(at middle.der)"
issue old "Test expired intermediate" root "$authority" 20200101000000Z 20210101000000Z
issue stranger "Somebody else" stranger "$authority"
# Two authorities that sign each other, with nobody above them.
issue ring-a "Ring A" ring-a "$authority"
issue ring-b "Ring B" ring-a "$authority
$(at ring-a.der)"
openssl req -new -key "$work/ring-a.key" -subj "/CN=Ring A" -out "$work/ring-a.csr"
printf '%s\n%s\n' "$authority" "$(at ring-b.der)" >"$work/ring-a.ext"
openssl ca -batch -notext -config "$work/ca.conf" -cert "$work/ring-b.pem" -keyfile "$work/ring-b.key" \
  -in "$work/ring-a.csr" -extfile "$work/ring-a.ext" -startdate 20240101000000Z -enddate 20990101000000Z \
  -out "$work/ring-a2.pem" 2>/dev/null
openssl x509 -in "$work/ring-a2.pem" -outform DER -out ring-a.der

issue portal "portal" middle "$(server)
$(at middle.der)"
issue deep "portal" lower "$(server)
$(at lower.der)"
issue late "portal" old "$(server)
$(at old.der)"
issue round "portal" ring-a "$(server)
$(at ring-a.der)"
issue inside "portal" middle "$(server)
authorityInfoAccess = caIssuers;URI:http://127.0.0.1:9/middle.der"
issue silent "portal" middle "$(server)"
issue loopback "portal" middle $'basicConstraints = CA:FALSE\nsubjectAltName = IP:127.0.0.1'
issue own "own" own "$(server)
$(at root.der)"
for name in portal deep late round inside silent own loopback; do
  openssl pkcs8 -topk8 -nocrypt -in "$work/$name.key" -outform DER -out "$name.key.der"
done
cp "$work/root.pem" root.pem
openssl crl2pkcs7 -nocrl -certfile "$work/middle.pem" -outform DER -out middle.p7c
cp "$work/middle.pem" middle.pem
cp "$work/old.pem" old.pem
rm -f root.der
