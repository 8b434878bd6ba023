// Generate writes the Go code of the messages in proto/ to wire/. It needs no protoc: the files are
// compiled here, and Go's own plugins, built from the module cache, are run on the result.
package main

import (
	"bytes"
	"context"
	"log"
	"os"
	"os/exec"
	"path"
	"path/filepath"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"github.com/bufbuild/protocompile/protoutil"
	_ "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/pluginpb"
)

var files = []string{"item.proto", "stream.proto"}

func main() {
	log.SetFlags(0)
	request := &pluginpb.CodeGeneratorRequest{FileToGenerate: files}
	seen := map[string]bool{}
	for _, file := range compile() {
		add(request, seen, file)
	}
	run("google.golang.org/protobuf/cmd/protoc-gen-go", request)
	request.FileToGenerate = []string{"stream.proto"}
	run("google.golang.org/grpc/cmd/protoc-gen-go-grpc", request)
}

func compile() linker.Files {
	compiler := protocompile.Compiler{
		Resolver: protocompile.CompositeResolver{
			&protocompile.SourceResolver{ImportPaths: []string{"proto"}},
			// What the Go modules bring along: google/rpc/status.proto.
			protocompile.ResolverFunc(func(path string) (protocompile.SearchResult, error) {
				file, err := protoregistry.GlobalFiles.FindFileByPath(path)
				return protocompile.SearchResult{Desc: file}, err
			}),
		},
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	compiled, err := compiler.Compile(context.Background(), files...)
	check(err)
	return compiled
}

// add puts a file behind those that it imports.
func add(request *pluginpb.CodeGeneratorRequest, seen map[string]bool, file protoreflect.FileDescriptor) {
	if seen[file.Path()] {
		return
	}
	seen[file.Path()] = true
	imports := file.Imports()
	for i := range imports.Len() {
		add(request, seen, imports.Get(i).FileDescriptor)
	}
	descriptor := protodesc.ToFileDescriptorProto(file)
	if result, ok := file.(linker.Result); ok {
		descriptor = protoutil.ProtoFromFileDescriptor(result)
	}
	request.ProtoFile = append(request.ProtoFile, descriptor)
}

// run writes what a plugin answers.
func run(plugin string, request *pluginpb.CodeGeneratorRequest) {
	in, err := proto.Marshal(request)
	check(err)
	command := exec.Command("go", "run", plugin)
	command.Stdin, command.Stderr = bytes.NewReader(in), os.Stderr
	out, err := command.Output()
	check(err)
	var response pluginpb.CodeGeneratorResponse
	check(proto.Unmarshal(out, &response))
	if response.Error != nil {
		log.Fatal(*response.Error)
	}
	for _, file := range response.File {
		name := filepath.Join("wire", path.Base(file.GetName()))
		check(os.WriteFile(name, []byte(file.GetContent()), 0o644))
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
