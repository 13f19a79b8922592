//go:build windows

// Liststore prints the SHA-1 thumbprints of a certificate store of Windows: liststore
// CurrentUser|LocalMachine NAME. It looks with other eyes than the agent's.
package main

import (
	"crypto/sha1"
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/windows"
)

func main() {
	if err := list(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "liststore:", err)
		os.Exit(1)
	}
}

func list(location, name string) error {
	flags := uint32(windows.CERT_SYSTEM_STORE_CURRENT_USER)
	if location == "LocalMachine" {
		flags = windows.CERT_SYSTEM_STORE_LOCAL_MACHINE
	}
	text, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return err
	}
	store, err := windows.CertOpenStore(windows.CERT_STORE_PROV_SYSTEM_W, 0, 0, flags|windows.CERT_STORE_READONLY_FLAG, uintptr(unsafe.Pointer(text)))
	runtime.KeepAlive(text)
	if err != nil {
		return err
	}
	defer windows.CertCloseStore(store, 0)
	var cert *windows.CertContext
	for {
		cert, err = windows.CertEnumCertificatesInStore(store, cert)
		if err != nil {
			if errors.Is(err, windows.Errno(windows.CRYPT_E_NOT_FOUND)) {
				return nil
			}
			return err
		}
		fmt.Printf("%x\n", sha1.Sum(unsafe.Slice(cert.EncodedCert, cert.Length)))
	}
}
