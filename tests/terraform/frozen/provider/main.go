// A provider that has a schema and nothing else: enough for `terraform validate`, and for `terraform test`
// with a mock provider. The schema is the file schema.json beside the program, as ../schema.py writes it.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"path/filepath"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

type attribute struct {
	Name                         string
	Type                         json.RawMessage
	Required, Optional, Computed bool
}

type nested struct {
	Name     string
	Nesting  string
	Min, Max int64
	Block    block
}

type block struct {
	Attributes []attribute
	Blocks     []nested
}

type schema struct {
	Provider    block
	Resources   map[string]block
	DataSources map[string]block `json:"data_sources"`
}

var nestings = map[string]tfprotov5.SchemaNestedBlockNestingMode{
	"list":   tfprotov5.SchemaNestedBlockNestingModeList,
	"set":    tfprotov5.SchemaNestedBlockNestingModeSet,
	"single": tfprotov5.SchemaNestedBlockNestingModeSingle,
}

func (b block) described() *tfprotov5.SchemaBlock {
	described := &tfprotov5.SchemaBlock{}
	for _, each := range b.Attributes {
		kind, err := tftypes.ParseJSONType(each.Type) //nolint:staticcheck // the one parser of these types
		if err != nil {
			log.Fatal(err)
		}
		described.Attributes = append(described.Attributes, &tfprotov5.SchemaAttribute{
			Name: each.Name, Type: kind, Required: each.Required, Optional: each.Optional, Computed: each.Computed,
		})
	}
	for _, each := range b.Blocks {
		described.BlockTypes = append(described.BlockTypes, &tfprotov5.SchemaNestedBlock{
			TypeName: each.Name, Block: each.Block.described(), Nesting: nestings[each.Nesting],
			MinItems: each.Min, MaxItems: each.Max,
		})
	}
	return described
}

func all(blocks map[string]block) map[string]*tfprotov5.Schema {
	schemas := map[string]*tfprotov5.Schema{}
	for name, each := range blocks {
		schemas[name] = &tfprotov5.Schema{Block: each.described()}
	}
	return schemas
}

// The embedded interface is nil: whatever Terraform asks beyond the following would end the process.
type provider struct {
	tfprotov5.ProviderServer
	schema schema
}

func (p provider) GetMetadata(context.Context, *tfprotov5.GetMetadataRequest) (*tfprotov5.GetMetadataResponse, error) {
	return &tfprotov5.GetMetadataResponse{}, nil
}

func (p provider) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	return &tfprotov5.GetProviderSchemaResponse{
		Provider:          &tfprotov5.Schema{Block: p.schema.Provider.described()},
		ResourceSchemas:   all(p.schema.Resources),
		DataSourceSchemas: all(p.schema.DataSources),
	}, nil
}

func (p provider) PrepareProviderConfig(_ context.Context, request *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	return &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: request.Config}, nil
}

func (p provider) ValidateResourceTypeConfig(context.Context, *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	return &tfprotov5.ValidateResourceTypeConfigResponse{}, nil
}

func (p provider) ValidateDataSourceConfig(context.Context, *tfprotov5.ValidateDataSourceConfigRequest) (*tfprotov5.ValidateDataSourceConfigResponse, error) {
	return &tfprotov5.ValidateDataSourceConfigResponse{}, nil
}

func (p provider) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	return &tfprotov5.StopProviderResponse{}, nil
}

func main() {
	program, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(filepath.Dir(program), "schema.json"))
	if err != nil {
		log.Fatal(err)
	}
	served := provider{}
	if err := json.Unmarshal(data, &served.schema); err != nil {
		log.Fatal(err)
	}
	err = tf5server.Serve("frozen", func() tfprotov5.ProviderServer { return served })
	if err != nil {
		log.Fatal(err)
	}
}
