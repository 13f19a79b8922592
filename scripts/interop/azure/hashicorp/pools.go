package main

import (
	"fmt"
	"strings"

	"github.com/hashicorp/go-azure-sdk/data-plane/batch/2022-01-01-15-0/computenodes"
	"github.com/hashicorp/go-azure-sdk/data-plane/batch/2022-01-01-15-0/pools"
)

func (t *suite) pool(id string) pools.PoolId { return pools.NewPoolID(t.URL, id) }

func (t *suite) get(id string) (*pools.CloudPool, error) {
	r, err := t.pools.PoolGet(t.ctx, t.pool(id), pools.PoolGetOperationOptions{})
	return r.Model, err
}

func show(refs *[]pools.CertificateReference) string {
	var all []string
	if refs != nil {
		for _, r := range *refs {
			all = append(all, fmt.Sprint(r.Thumbprint, *r.StoreLocation, *r.StoreName, *r.Visibility))
		}
	}
	return strings.Join(all, " ")
}

func (t *suite) checkPools() {
	one, four := t.thumbprint("one"), t.thumbprint("four")
	refs := []pools.CertificateReference{
		{Thumbprint: strings.ToUpper(one), ThumbprintAlgorithm: "sha1", StoreLocation: new(pools.CertificateStoreLocationLocalmachine), StoreName: new("Root"), Visibility: &[]pools.CertificateVisibility{"task"}},
		{Thumbprint: four, ThumbprintAlgorithm: "sha1"},
	}
	answer := one + "localmachineRoot[task] " + four + "currentuserMy[starttask task remoteuser]"
	t.check("pool add", func() error {
		r, err := t.pools.PoolAdd(t.ctx, pools.PoolAddParameter{
			Id: "Pool-A", VMSize: "standard_d2s_v3", DisplayName: new("a pool"), TargetDedicatedNodes: new(int64(3)), EnableAutoScale: new(false),
			Metadata: &[]pools.MetadataItem{{Name: "owner", Value: "me"}}, CertificateReferences: &refs,
		}, pools.PoolAddOperationOptions{ClientRequestId: new(requestID), ReturnClientRequestId: new(true), OcpDate: now(), Timeout: new(int64(30))})
		return first(err, answered(r.HttpResponse, 201, requestID))
	})
	var tag string
	t.check("pool get", func() error {
		p, err := t.get("pool-a")
		if err != nil {
			return err
		}
		tag = *p.ETag
		return first(want("references", show(p.CertificateReferences), answer), want("nodes", *p.TargetDedicatedNodes, 3),
			want("rest", fmt.Sprint(*p.Id, *p.VMSize, *p.DisplayName, (*p.Metadata)[0].Value), "Pool-Astandard_d2s_v3a poolme"))
	})
	t.check("pool get with all options", func() error {
		r, err := t.pools.PoolGet(t.ctx, t.pool("Pool-A"), pools.PoolGetOperationOptions{
			ClientRequestId: new(requestID), ReturnClientRequestId: new(true), OcpDate: now(), Timeout: new(int64(30)), Select: new("id"), Expand: new("stats"), IfMatch: &tag})
		return first(err, answered(r.HttpResponse, 200, requestID), want("selected only", r.Model.VMSize == nil, true))
	})
	t.check("pool exists", func() error {
		r, err := t.pools.PoolExists(t.ctx, t.pool("Pool-A"), pools.PoolExistsOperationOptions{ClientRequestId: new(requestID), ReturnClientRequestId: new(true)})
		return first(err, answered(r.HttpResponse, 200, requestID))
	})
	t.check("pool exists not", func() error {
		r, _ := t.pools.PoolExists(t.ctx, t.pool("nothing"), pools.PoolExistsOperationOptions{})
		return answered(r.HttpResponse, 404, "")
	})
	t.check("pool patch", func() error {
		r, err := t.pools.PoolPatch(t.ctx, t.pool("Pool-A"), pools.PoolPatchParameter{CertificateReferences: &[]pools.CertificateReference{}},
			pools.PoolPatchOperationOptions{ClientRequestId: new(requestID), ReturnClientRequestId: new(true), IfMatch: &tag})
		p, getErr := t.get("Pool-A")
		return first(err, answered(r.HttpResponse, 200, requestID), getErr, want("references", show(p.CertificateReferences), ""), want("the rest stays", *p.VMSize, "standard_d2s_v3"))
	})
	t.check("pool updateproperties", func() error {
		r, err := t.pools.PoolUpdateProperties(t.ctx, t.pool("Pool-A"), pools.PoolUpdatePropertiesParameter{
			CertificateReferences: refs, ApplicationPackageReferences: []pools.ApplicationPackageReference{}, Metadata: []pools.MetadataItem{},
		}, pools.PoolUpdatePropertiesOperationOptions{ClientRequestId: new(requestID), ReturnClientRequestId: new(true)})
		p, getErr := t.get("Pool-A")
		return first(err, answered(r.HttpResponse, 204, requestID), getErr, want("references", show(p.CertificateReferences), answer))
	})
	for filter, ids := range map[string]string{
		"startswith(id,'Pool')": "Pool-A", "vmSize eq 'standard_d2s_v3'": "Pool-A", "enableAutoScale eq true": "", "state eq 'deleting'": "",
	} {
		t.check("pool list with $filter="+filter, func() error {
			r, err := t.pools.PoolListComplete(t.ctx, pools.PoolListOperationOptions{Filter: &filter, Select: new("id"), Expand: new("stats"), Maxresults: new(int64(1))})
			var got []string
			for _, p := range r.Items {
				got = append(got, *p.Id)
			}
			return first(err, want("pools", strings.Join(got, " "), ids))
		})
	}
}

func (t *suite) checkNodes() {
	pool := computenodes.NewPoolID(t.URL, t.Pool)
	var node string
	t.check("node list", func() error {
		refs := []pools.CertificateReference{{Thumbprint: t.thumbprint("three"), ThumbprintAlgorithm: "sha1", Visibility: &[]pools.CertificateVisibility{"task"}}}
		_, err := t.pools.PoolPatch(t.ctx, t.pool(t.Pool), pools.PoolPatchParameter{CertificateReferences: &refs}, pools.PoolPatchOperationOptions{})
		return first(err, eventually(func() (bool, error) {
			r, err := t.nodes.ComputeNodeListComplete(t.ctx, pool, computenodes.ComputeNodeListOperationOptions{Filter: new("state eq 'idle'"), Maxresults: new(int64(10))})
			if err != nil || len(r.Items) != 1 || r.Items[0].CertificateReferences == nil {
				return false, err
			}
			node = *r.Items[0].Id
			return true, want("certificate", (*r.Items[0].CertificateReferences)[0].Thumbprint, refs[0].Thumbprint)
		}))
	})
	id := computenodes.NewNodeID(t.URL, t.Pool, node)
	t.check("node get", func() error {
		r, err := t.nodes.ComputeNodeGet(t.ctx, id, computenodes.ComputeNodeGetOperationOptions{Select: new("id,state"), ClientRequestId: new(requestID), ReturnClientRequestId: new(true)})
		return first(err, answered(r.HttpResponse, 200, requestID))
	})
	t.check("node reboot", func() error {
		r, err := t.nodes.ComputeNodeReboot(t.ctx, id, computenodes.NodeRebootParameter{}, computenodes.ComputeNodeRebootOperationOptions{})
		return first(err, answered(r.HttpResponse, 202, ""))
	})
	t.check("removenodes", func() error {
		r, err := t.nodes.PoolRemoveNodes(t.ctx, pool, computenodes.NodeRemoveParameter{NodeList: []string{node}}, computenodes.PoolRemoveNodesOperationOptions{IfMatch: new("*")})
		return first(err, answered(r.HttpResponse, 202, ""))
	})
	_, err := t.nodes.ComputeNodeGet(t.ctx, id, computenodes.ComputeNodeGetOperationOptions{})
	t.refused(404, "NodeNotFound", "node get, after that", err)
}
