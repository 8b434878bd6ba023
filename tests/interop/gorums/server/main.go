// Server is a node that speaks the ordered stream. It prints its address, then does what it reads.
package main

import (
	"flag"
	"fmt"
	"log"
	"net"
	"os"

	"interop/node"
)

func main() {
	address := flag.String("listen", "127.0.0.1:0", "host:port")
	flag.Parse()
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	recorder := node.NewRecorder()
	server := node.NewServer(recorder)
	go func() { log.Fatal(server.Serve(listener)) }()
	fmt.Println(listener.Addr())
	if err := node.Console(os.Stdin, os.Stdout, recorder, server); err != nil {
		log.Fatal(err)
	}
}
