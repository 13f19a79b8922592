package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/Azure/go-autorest/autorest"
	"github.com/jackofallops/kermit/sdk/batch/2022-01.15.0/batch"
)

func (t *suite) addPool(p batch.PoolAddParameter) (autorest.Response, error) {
	return t.pools.Add(t.ctx, p, nil, nil, nil, nil)
}

func (t *suite) pool(id string) (batch.CloudPool, error) {
	return t.pools.Get(t.ctx, id, "", "", nil, nil, nil, nil, "", "", nil, nil)
}

func (t *suite) patch(id string, p batch.PoolPatchParameter, ifMatch string) (autorest.Response, error) {
	return t.pools.Patch(t.ctx, id, p, nil, nil, nil, nil, ifMatch, "", nil, nil)
}

func (t *suite) update(id string, refs ...batch.CertificateReference) (autorest.Response, error) {
	return t.pools.UpdateProperties(t.ctx, id, batch.PoolUpdatePropertiesParameter{
		CertificateReferences: &refs, ApplicationPackageReferences: &[]batch.ApplicationPackageReference{},
		Metadata: &[]batch.MetadataItem{{Name: new("m"), Value: new("w")}},
	}, new(int32(30)), &t.id, new(true), now())
}

func (t *suite) deletePool(id, ifMatch string) (autorest.Response, error) {
	return t.pools.Delete(t.ctx, id, nil, nil, nil, nil, ifMatch, "", nil, nil)
}

// poolIDs lists pools, without that of the node.
func (t *suite) poolIDs(filter string, size *int32) (ids []string, err error) {
	page, err := t.pools.List(t.ctx, filter, "", "", size, nil, nil, nil, nil)
	for ; err == nil && page.NotDone(); err = page.NextWithContext(t.ctx) {
		for _, p := range page.Values() {
			if *p.ID != t.Pool {
				ids = append(ids, *p.ID)
			}
		}
	}
	return ids, err
}

func show(refs *[]batch.CertificateReference) string {
	if refs == nil {
		return ""
	}
	var all []string
	for _, r := range *refs {
		all = append(all, fmt.Sprint(*r.Thumbprint, r.StoreLocation, *r.StoreName, *r.Visibility))
	}
	return strings.Join(all, " ")
}

func (t *suite) checkPools() {
	references := []batch.CertificateReference{reference(strings.ToUpper(t.one), "starttask", "task"), reference(t.four)}
	references[0].StoreLocation, references[0].StoreName = "localmachine", new("Root")
	answer := t.one + "localmachineRoot[starttask task] " + t.four + "currentuserMy[starttask task remoteuser]"
	sent := batch.PoolAddParameter{
		ID: new("Pool-A"), DisplayName: new("a pool"), VMSize: new("standard_d2s_v3"), TargetDedicatedNodes: new(int32(3)),
		EnableAutoScale: new(false), EnableInterNodeCommunication: new(true), ResizeTimeout: new("PT15M"),
		StartTask:             &batch.StartTask{CommandLine: new("/bin/sh -c 'echo <&>'"), WaitForSuccess: new(true)},
		Metadata:              &[]batch.MetadataItem{{Name: new("owner"), Value: new("me")}},
		CertificateReferences: &references,
	}
	t.check("pool add", func() error {
		r, err := t.pools.Add(t.ctx, sent, new(int32(30)), &t.id, new(true), now())
		location := t.URL + "/pools/Pool-A"
		return all(err, answered(r.Response, 201, "Location", location, "DataServiceId", location, "client-request-id", ""))
	})
	var tag string
	t.check("pool get: what was sent, and more", func() error {
		p, err := t.pool("pool-a")
		if err != nil {
			return err
		}
		tag = *p.ETag
		return all(
			answered(p.Response.Response, 200, "ETag", tag),
			want("id, states", fmt.Sprint(*p.ID, " ", p.State, " ", p.AllocationState), "Pool-A active steady"),
			want("references", show(p.CertificateReferences), answer),
			want("properties", fmt.Sprintln(*p.DisplayName, *p.VMSize, *p.TargetDedicatedNodes, *p.EnableAutoScale, *p.EnableInterNodeCommunication, *p.ResizeTimeout),
				"a pool standard_d2s_v3 3 false true PT15M\n"),
			want("start task", fmt.Sprint(*p.StartTask.CommandLine, " ", *p.StartTask.WaitForSuccess), "/bin/sh -c 'echo <&>' true"),
			want("metadata", *(*p.Metadata)[0].Value, "me"),
			want("url", *p.URL, t.URL+"/pools/Pool-A"),
			wantTrue(p.CreationTime != nil && p.LastModified != nil && p.StateTransitionTime != nil, "times"),
		)
	})
	t.check("pool get with all options", func() error {
		p, err := t.pools.Get(t.ctx, "Pool-A", "id,vmSize", "stats", new(int32(30)), &t.id, new(true), now(), tag, "", nil, at(time.Now().Add(time.Hour)))
		return all(err, answered(p.Response.Response, 200, "client-request-id", ""), wantTrue(p.VMSize != nil && p.URL == nil, "selected only"))
	})
	for id, status := range map[string]int{"Pool-A": 200, "pool-b": 404} {
		t.check("pool exists "+id, func() error {
			r, err := t.pools.Exists(t.ctx, id, new(int32(30)), &t.id, new(true), now(), "", "", nil, nil)
			return all(err, answered(r.Response, status, "client-request-id", ""))
		})
	}
	t.check("pool add with properties that the client does not know", func() error {
		odd := newClients(t.setup, func(r *http.Request) {
			setBody(r, `{"id": "pool-odd", "vmSize": "small", "enableAutoScale": true, "newThing": {"a": [1, null, "x"]}}`)
		})
		if _, err := odd.pools.Add(t.ctx, sent, nil, nil, nil, nil); err != nil {
			return err
		}
		request, err := t.pools.GetPreparer(t.ctx, "pool-odd", "newThing", "", nil, nil, nil, nil, "", "", nil, nil)
		if err != nil {
			return err
		}
		answer, err := t.pools.GetSender(request)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		var plain struct{ NewThing json.RawMessage }
		return all(json.NewDecoder(answer.Body).Decode(&plain), want("the property", string(plain.NewThing), `{"a":[1,null,"x"]}`))
	})
	t.check("pool list with all options, in pages", func() error {
		for _, id := range []string{"pool-x1", "pool-x2", "pool-x3"} {
			if _, err := t.addPool(batch.PoolAddParameter{ID: &id, VMSize: new("tiny")}); err != nil {
				return err
			}
		}
		page, err := t.pools.List(t.ctx, "startswith(id,'pool-x')", "id", "stats", new(int32(2)), new(int32(30)), &t.id, new(true), now())
		if err != nil {
			return err
		}
		first := len(page.Values())
		err = page.NextWithContext(t.ctx)
		return all(err, want("pages", fmt.Sprint(first, len(page.Values())), "2 1"))
	})
	for filter, ids := range map[string]string{
		"id eq 'POOL-A'":                                 "Pool-A",
		"state eq 'active' and id ge 'pool-x2'":          "pool-x2 pool-x3",
		"vmSize eq 'tiny' and id ne 'pool-x1'":           "pool-x2 pool-x3",
		"startswith(vmSize, 'standard')":                 "Pool-A",
		"enableAutoScale eq true":                        "pool-odd",
		"enableInterNodeCommunication eq true":           "Pool-A",
		"allocationState ne 'steady'":                    "",
		"creationTime gt DateTime'" + later() + "'":      "",
		"lastModified lt DateTime'2001-01-01T00:00:00Z'": "",
	} {
		t.check("pool list with $filter="+filter, func() error {
			got, err := t.poolIDs(filter, nil)
			return all(err, want("pools", strings.Join(got, " "), ids))
		})
	}
	t.check("pool patch under its tag", func() error {
		change := batch.PoolPatchParameter{CertificateReferences: &[]batch.CertificateReference{reference(t.two, "remoteuser")}}
		r, err := t.pools.Patch(t.ctx, "Pool-A", change, new(int32(30)), &t.id, new(true), now(), tag, "", nil, nil)
		if err := all(err, answered(r.Response, 200, "DataServiceId", t.URL+"/pools/Pool-A", "client-request-id", "")); err != nil {
			return err
		}
		p, err := t.pool("Pool-A")
		return all(err, want("references", show(p.CertificateReferences), t.two+"currentuserMy[remoteuser]"), want("tag", *p.ETag, r.Header.Get("ETag")),
			wantTrue(*p.ETag != tag && *p.VMSize == "standard_d2s_v3", "the rest stays"))
	})
	t.check("pool patch without references leaves them", func() error {
		_, err := t.patch("Pool-A", batch.PoolPatchParameter{Metadata: &[]batch.MetadataItem{}}, "")
		p, getErr := t.pool("Pool-A")
		return all(err, getErr, want("references", len(*p.CertificateReferences), 1))
	})
	t.check("pool updateproperties", func() error {
		r, err := t.update("Pool-A", references...)
		if err := all(err, answered(r.Response, 204, "client-request-id", "")); err != nil {
			return err
		}
		p, err := t.pool("Pool-A")
		return all(err, want("references", show(p.CertificateReferences), answer), wantTrue(p.StartTask == nil && p.VMSize != nil, "the start task is gone"))
	})
}

func setBody(r *http.Request, text string) {
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	r.GetBody = nil
}

func (t *suite) checkNodes() {
	var node batch.ComputeNode
	t.check("node list", func() error {
		change := batch.PoolPatchParameter{CertificateReferences: &[]batch.CertificateReference{reference(t.three, "task")}}
		if _, err := t.patch(t.Pool, change, ""); err != nil {
			return err
		}
		err := t.eventually("a node with its certificate", func() (bool, error) {
			page, err := t.nodes.List(t.ctx, t.Pool, "", "", new(int32(10)), new(int32(30)), &t.id, new(true), now())
			if err != nil || len(page.Values()) != 1 {
				return false, err
			}
			node = page.Values()[0]
			return node.CertificateReferences != nil, nil
		})
		return all(err, want("state", node.State, "idle"), want("references", show(node.CertificateReferences), t.three+"currentuserMy[task]"))
	})
	if node.ID == nil {
		return
	}
	t.check("node get with all options", func() error {
		n, err := t.nodes.Get(t.ctx, t.Pool, *node.ID, "id,state", new(int32(30)), &t.id, new(true), now())
		return all(err, answered(n.Response.Response, 200, "client-request-id", ""), want("node", fmt.Sprint(*n.ID, n.State), *node.ID+"idle"))
	})
	for filter, count := range map[string]int{
		"state eq 'idle'": 1, "state eq 'unknown'": 0, "allocationTime le DateTime'" + later() + "'": 1,
		"lastBootTime lt DateTime'2001-01-01T00:00:00Z'": 0, "stateTransitionTime gt DateTime'" + later() + "'": 0,
		"startTaskInfo/state eq 'completed'": 0, "startTaskInfo/exitCode ne 0": 1,
	} {
		t.check("node list with $filter="+filter, func() error {
			page, err := t.nodes.List(t.ctx, t.Pool, filter, "id", nil, nil, nil, nil, nil)
			return all(err, want("nodes", len(page.Values()), count))
		})
	}
	t.check("node list of a pool without nodes", func() error {
		page, err := t.nodes.List(t.ctx, "Pool-A", "", "", nil, nil, nil, nil, nil)
		return all(err, want("nodes", len(page.Values()), 0))
	})
	t.check("node reboot", func() error {
		r, err := t.nodes.Reboot(t.ctx, t.Pool, *node.ID, &batch.NodeRebootParameter{NodeRebootOption: "requeue"}, new(int32(30)), &t.id, new(true), now())
		return all(err, answered(r.Response, 202, "client-request-id", ""))
	})
	t.check("node reboot without an option", func() error {
		r, err := t.nodes.Reboot(t.ctx, t.Pool, *node.ID, nil, nil, nil, nil, nil)
		return all(err, answered(r.Response, 202))
	})
	t.check("node reimage", func() error {
		r, err := t.nodes.Reimage(t.ctx, t.Pool, *node.ID, &batch.NodeReimageParameter{NodeReimageOption: "terminate"}, nil, nil, nil, nil)
		return all(err, answered(r.Response, 202))
	})
	t.check("removenodes", func() error {
		list := batch.NodeRemoveParameter{NodeList: &[]string{*node.ID}}
		r, err := t.pools.RemoveNodes(t.ctx, t.Pool, list, new(int32(30)), &t.id, new(true), now(), "", "", nil, nil)
		if err := all(err, answered(r.Response, 202, "client-request-id", "")); err != nil {
			return err
		}
		_, err = t.nodes.Get(t.ctx, t.Pool, *node.ID, "", nil, nil, nil, nil)
		return wantTrue(err != nil, "the node is gone")
	})
}

func (t *suite) checkEnd() {
	t.check("pool delete", func() error {
		ids, err := t.poolIDs("", new(int32(2)))
		for _, id := range slices.Concat(ids, []string{t.Pool}) {
			r, deleteErr := t.deletePool(id, "")
			err = all(err, deleteErr, answered(r.Response, 202))
		}
		left, listErr := t.poolIDs("", nil)
		return all(err, listErr, want("pools left", len(left), 0))
	})
	t.check("delete what nobody holds", func() error {
		var err error
		for _, tp := range []string{t.one, t.two, t.three, t.four} {
			_, deleteErr := t.remove(tp)
			err = all(err, deleteErr, t.gone(tp))
		}
		return err
	})
}
