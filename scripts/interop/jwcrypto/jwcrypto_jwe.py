"""JWE with python3-jwcrypto."""
import itertools
import json
import sys
from importlib.metadata import version

from jwcrypto import jwe, jwk

RSA = ["RSA-OAEP", "RSA-OAEP-256"]
ECDH = ["ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW"]
CONTENT = ["A128GCM", "A192GCM", "A256GCM", "A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512"]


def load(path):
    with open(path, "rb") as f:
        return jwk.JWK.from_pem(f.read())


def seal(keys, out):
    with open(f"{keys}/plain", "rb") as f:
        plain = f.read()

    def write(key, what, text, arguments=""):
        name = what.replace(" ", "").replace(",", "-")
        with open(f"{out}/{name}", "w") as f:
            f.write(text)
        print(name, key, "plain", "JWE, " + what, arguments, sep="\t")

    def compact(key, alg, enc, arguments="", **more):
        header = json.dumps({"alg": alg, "enc": enc, **more})
        message = jwe.JWE(plain, header, recipient=load(f"{keys}/{key}.crt"), algs=[alg, enc])
        zipped = ", zip" if "zip" in more else ""
        write(key, f"{alg}, {enc}, {key}{zipped}", message.serialize(compact=True), arguments)

    for alg, enc in itertools.product(RSA, CONTENT):
        compact("rsa", alg, enc)
    compact("rsa", "RSA1_5", "A256GCM", "--allow-rsa1_5")
    compact("rsa", "RSA-OAEP-256", "A256GCM", zip="DEF")
    for alg in ECDH:
        for curve in ["p256", "p384", "p521"]:
            compact(curve, alg, "A256GCM")
    compact("p256", "ECDH-ES", "A256CBC-HS512")

    flat = jwe.JWE(plain, json.dumps({"enc": "A256GCM"}), header=json.dumps({"alg": "RSA-OAEP-256"}),
                   recipient=load(f"{keys}/rsa.crt"), aad=b"context")
    write("rsa", "flattened JSON with aad", flat.serialize())
    many = jwe.JWE(plain, json.dumps({"enc": "A256GCM"}))
    for name, alg in [("p521", "ECDH-ES+A256KW"), ("rsa", "RSA-OAEP"), ("p256", "ECDH-ES+A128KW")]:
        many.add_recipient(load(f"{keys}/{name}.crt"), json.dumps({"alg": alg}))
    for key in ["rsa", "p256"]:
        write(key, f"general JSON of three, {key}", many.serialize())


def read(keys, folder, out):
    with open(f"{folder}/list") as f:
        lines = [line.split() for line in f]
    for name, key in lines:
        if not name.endswith(".jwe"):
            print(name, "JWE only", sep="\t")
            continue
        with open(f"{folder}/{name}") as f:
            message = jwe.JWE()
            message.deserialize(f.read().strip(), load(f"{keys}/{key}.key"))
        with open(f"{out}/{name}", "wb") as f:
            f.write(message.payload)
        print(name)


match sys.argv[1:]:
    case ["version"]:
        print("python3-jwcrypto", version("jwcrypto"))
    case ["seal", keys, out]:
        seal(keys, out)
    case ["open", keys, folder, out]:
        read(keys, folder, out)
