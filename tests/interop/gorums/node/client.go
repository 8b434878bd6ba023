package node

import (
	"context"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"interop/wire"
)

// Client keeps a stream to each of several servers.
type Client struct {
	recorder *Recorder
	targets  []*target
	// id is told to servers; below 0 it is not, and they don't call back.
	id int64
}

func NewClient(recorder *Recorder, id int64, addresses []string) (*Client, error) {
	client := &Client{recorder: recorder, id: id}
	for i, address := range addresses {
		connection, err := grpc.NewClient(address,
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: time.Second}),
		)
		if err != nil {
			return nil, err
		}
		target := &target{id: uint32(i + 1), calls: make(chan *call, maxQueued)}
		client.targets = append(client.targets, target)
		go client.keepConnected(wire.NewGorumsClient(connection), target)
	}
	return client, nil
}

func (c *Client) Targets() []*target { return c.targets }

// Bit marks the calls of a client.
func (*Client) Bit() uint64 { return 0 }

// keepConnected opens stream after stream. What was pending when one ended is sent again on the
// next, in whatever order; a streamed call fails.
func (c *Client) keepConnected(node wire.GorumsClient, target *target) {
	for {
		ctx, cancel := context.WithCancel(context.Background())
		if c.id >= 0 {
			id := strconv.FormatInt(c.id, 10)
			ctx = metadata.AppendToOutgoingContext(ctx, "gorums-node-id", id)
		}
		if stream, err := node.NodeStream(ctx); err == nil {
			l := newLine(stream, c.recorder, fromServer, target.calls)
			if c.id < 0 {
				l.recorder = nil
			}
			err := l.run(ctx, cancel)
			l.mu.Lock()
			for _, call := range l.pending {
				if call.streaming {
					call.fail(err)
				} else {
					target.calls <- call
				}
			}
			l.mu.Unlock()
		}
		cancel()
		time.Sleep(20 * time.Millisecond)
	}
}
