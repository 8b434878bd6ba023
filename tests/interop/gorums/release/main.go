// Release is a node, or with addresses a client, of the release of Gorums that go.mod names, which
// speaks another stream. A node prints its address; a client asks once and prints the error.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"time"

	"github.com/relab/gorums"
	"github.com/relab/gorums/benchmark"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func main() {
	if addresses := os.Args[1:]; len(addresses) > 0 {
		fmt.Println(ask(addresses))
		return
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := gorums.NewServer()
	benchmark.RegisterBenchmarkServer(server, struct{ benchmark.BenchmarkServer }{})
	go func() { log.Fatal(server.Serve(listener)) }()
	fmt.Println(listener.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func ask(addresses []string) error {
	config, err := benchmark.NewConfig(
		gorums.WithNodeList(addresses),
		gorums.WithDialOptions(grpc.WithTransportCredentials(insecure.NewCredentials())),
	)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_, err = benchmark.QuorumCall(config.Context(ctx), &benchmark.Echo{}).Majority()
	return err
}
