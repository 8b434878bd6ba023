// Client calls the nodes whose addresses it is given, as it is told on its input.
package main

import (
	"flag"
	"log"
	"os"

	"interop/node"
)

func main() {
	id := flag.Int64("id", -1, "the id that servers are told; 0 for none of its own, -1 to not be called back")
	flag.Parse()
	recorder := node.NewRecorder()
	client, err := node.NewClient(recorder, *id, flag.Args())
	if err != nil {
		log.Fatal(err)
	}
	if err := node.Console(os.Stdin, os.Stdout, recorder, client); err != nil {
		log.Fatal(err)
	}
}
