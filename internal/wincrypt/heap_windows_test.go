package wincrypt

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"

	"poolcert/internal/testcert"
)

// TestPropertiesStayInTheirBlocks looks at the blocks beside the one in which crypt32
// gathers the properties of a certificate for its store. Wine 10 damages them if the key
// comes before a mark that is a little longer (docs/windows.md, What CI ran).
func TestPropertiesStayInTheirBlocks(t *testing.T) {
	runtime.LockOSThread() // Wine's threads have blocks of their own
	defer runtime.UnlockOSThread()
	dll := crypt32{}
	procSerialize := crypt32Library.NewProc("CertSerializeCertificateStoreElement")
	pair := testcert.RSA(t, testcert.Name("blocks"))
	key := Container{Name: strings.Repeat("k", 63), Provider: cspName, Type: cspType, Spec: keyExchange}
	// What a store has of the key: seven numbers, and two texts with their zeros. A block
	// of that size has no room at its end.
	size := 4*7 + 2*(len(key.Name)+1) + 2*(len(key.Provider)+1)
	if (size+8)%16 != 0 {
		t.Fatalf("a block of %d bytes has room at its end", size)
	}
	for more := range 25 {
		c := Certificate{DER: pair.Cert.Raw, Key: key, Mark: bytes.Repeat([]byte("M"), size+more)}
		context, err := dll.createCertificate(certEncoding, c.DER)
		if err != nil {
			t.Fatal(err)
		}
		if err := write(dll, context, c); err != nil {
			t.Fatal(err)
		}
		cert := uintptr(unsafe.Pointer(context.(*windows.CertContext)))
		var full uint32
		if err := call(procSerialize, cert, 0, 0, uintptr(unsafe.Pointer(&full))); err != nil {
			t.Fatal(err)
		}
		out := make([]byte, full)
		beside := newBlocks(t, size)
		if err := call(procSerialize, cert, 0, uintptr(unsafe.Pointer(&out[0])), uintptr(unsafe.Pointer(&full))); err != nil {
			t.Fatal(err)
		}
		for _, b := range beside {
			if got := unsafe.Slice((*byte)(b), size); !bytes.Equal(got, bytes.Repeat([]byte("A"), size)) {
				t.Fatalf("a key of %d bytes and a mark of %d: a block of others begins %q", size, len(c.Mark), got[:16])
			}
		}
		if !bytes.Contains(out, c.Mark) {
			t.Errorf("a mark of %d bytes is not in what a store gets", len(c.Mark))
		}
		dll.freeCertificate(context)
	}
}

// newBlocks returns blocks of the process's heap, full of A, each with a free block before
// it. They stay for good: to free one that is damaged is to crash.
func newBlocks(t *testing.T, size int) []unsafe.Pointer {
	t.Helper()
	kernel := windows.NewLazySystemDLL("kernel32.dll")
	heap, _, _ := kernel.NewProc("GetProcessHeap").Call()
	procAlloc, procFree := kernel.NewProc("HeapAlloc"), kernel.NewProc("HeapFree")
	all := make([]unsafe.Pointer, 200)
	for i := range all {
		p, _, err := procAlloc.Call(heap, 0, uintptr(size))
		if p == 0 {
			t.Fatal(failed("HeapAlloc", err))
		}
		all[i] = *(*unsafe.Pointer)(unsafe.Pointer(&p))
		copy(unsafe.Slice((*byte)(all[i]), size), bytes.Repeat([]byte("A"), size))
	}
	var used []unsafe.Pointer
	for i, b := range all {
		if i%2 == 1 {
			used = append(used, b)
			continue
		}
		if err := call(procFree, heap, 0, uintptr(b)); err != nil {
			t.Fatal(err)
		}
	}
	return used
}
