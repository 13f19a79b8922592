"""RSA blocks, as Batch Shipyard has them, with python3-cryptography."""
import base64
import sys

import cryptography
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

HASHES = [hashes.SHA1(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512()]


def seal(keys, out):
    with open(f"{keys}/rsa.crt", "rb") as f:
        public = x509.load_pem_x509_certificate(f.read()).public_key()
    with open(f"{keys}/short", "rb") as f:
        secret = f.read()

    def write(name, scheme, what, arguments="", encode=base64.b64encode):
        with open(f"{out}/{name}", "wb") as f:
            f.write(encode(public.encrypt(secret, scheme)))
        print(name, "rsa", "short", "RSA block, " + what, arguments, sep="\t")

    write("v15", padding.PKCS1v15(), "PKCS #1 v1.5, base64")
    write("v15-lines", padding.PKCS1v15(), "PKCS #1 v1.5, base64 in lines", encode=base64.encodebytes)
    write("v15-binary", padding.PKCS1v15(), "PKCS #1 v1.5, binary", "--form raw-rsa", bytes)
    for h in HASHES:
        scheme = padding.OAEP(padding.MGF1(h), h, None)
        write(h.name, scheme, f"OAEP ({h.name}), base64", f"--form raw-rsa --padding oaep --oaep-hash {h.name}")
    label = padding.OAEP(padding.MGF1(HASHES[1]), HASHES[1], b"poolcert")
    write("label", label, "OAEP (sha256) with a label, base64",
          f"--form raw-rsa --padding oaep --oaep-hash sha256 --oaep-label {b'poolcert'.hex()}")


match sys.argv[1:]:
    case ["version"]:
        print("python3-cryptography", cryptography.__version__)
    case ["seal", keys, out]:
        seal(keys, out)
    case ["open", *_]:
        pass  # it has no messages, only blocks, and poolcert writes none
