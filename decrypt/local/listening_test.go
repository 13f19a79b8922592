package local

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
)

// What a service says before it is asked is heard afterwards; and who gives up does not
// wait for it.
func TestListening(t *testing.T) {
	for name, then := range map[string]func(c net.Conn){
		"asked":  func(c net.Conn) { c.Write([]byte("GET")) },
		"closed": func(c net.Conn) { c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				defer client.Close()
				defer server.Close()
				go server.Write(busyAnswer)
				go io.Copy(io.Discard, server)
				c := newListening(client)
				heard := make(chan int, 1)
				go func() { n, _ := c.Read(make([]byte, len(busyAnswer))); heard <- n }()
				synctest.Wait()
				if len(heard) > 0 {
					t.Error("read before it asked")
				}
				then(c)
				if n := <-heard; (n > 0) != (name == "asked") {
					t.Errorf("read %d bytes", n)
				}
			})
		})
	}
}
