package agent

import (
	"net/http"
	"strings"
	"testing"

	"poolcert/agent/agenttest"
	"poolcert/internal/nodeapi"
)

// Whatever is in the place of the service, it is not believed: the node keeps what
// it has, says what it heard, and goes on when the service is back.
func TestStrangeAnswersTakeNothingAway(t *testing.T) {
	const form = "not in the form of the node API"
	text := func(status int, contentType, body string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			w.Write([]byte(body))
		}
	}
	reply := func(body string) http.HandlerFunc { return text(200, "application/json", body) }
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"captive portal":        {text(200, "text/html", "<html>Please log in</html>"), form},
		"redirect to a portal":  {text(302, "text/html", "", "Location", "http://portal.example/"), "302"},
		"permanent redirect":    {text(308, "text/html", "", "Location", "https://127.0.0.1:1/"), "308"},
		"no content":            {text(204, "", ""), form},
		"partial content":       {text(206, "application/json", `{"revision":"x"`), form},
		"nothing":               {reply(""), form},
		"null":                  {reply("null"), form},
		"empty object":          {reply("{}"), form},
		"a list":                {reply("[]"), form},
		"revision only":         {reply(`{"account":"testaccount","pool":"testpool","revision":"x"}`), form},
		"references are null":   {reply(`{"account":"testaccount","pool":"testpool","revision":"x","certificateReferences":null}`), form},
		"no revision":           {reply(`{"account":"testaccount","pool":"testpool","certificateReferences":[]}`), form},
		"another pool's":        {reply(`{"account":"testaccount","pool":"other","revision":"x","certificateReferences":[]}`), `pool "other"`},
		"another account's":     {reply(`{"account":"other","pool":"testpool","revision":"x","certificateReferences":[]}`), `account "other"`},
		"bad thumbprint":        {reply(`{"account":"testaccount","pool":"testpool","revision":"x","certificateReferences":[{"thumbprint":"zz"}]}`), form},
		"too many references":   {reply(`{"account":"testaccount","pool":"testpool","revision":"x","certificateReferences":[` + strings.Repeat(`{},`, nodeapi.MaxReferences) + `{}]}`), "1000 at most"},
		"too large":             {reply(strings.Repeat(" ", 5<<20)), "larger than"},
		"refusal of no kind":    {text(403, "application/json", `{"code":"","message":""}`), "403"},
		"refusal of a new kind": {text(403, "application/json", `{"code":"node-moved","message":"moved"}`), "moved"},
		"a proxy's JSON":        {text(403, "application/json", `{"error":"node-revoked"}`), "403"},
		"cut connection":        {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := agenttest.NewService(t)
			one, two := testPFX(t, s, "one"), testPFX(t, s, "two")
			s.SetReferences(refTo(one))
			a := newTestAgent(t, s)
			a.start()
			s.AwaitReport(t.Context(), reports("installed", one))
			s.Answer(test.answer)
			awaitStatus(t, a, func(s *Status) bool { return strings.Contains(s.ContactError, test.want) })
			a.wantInstalled(one)
			if status := a.status(); status.State != StateDisconnected {
				t.Errorf("state %s", status.State)
			}
			s.SetReferences(refTo(two))
			s.Answer(nil)
			awaitStatus(t, a, installedAre(two))
		})
	}
}

// A 304 to a question that was not asked tells nothing, and takes nothing away.
func TestUnaskedNotModified(t *testing.T) {
	s := agenttest.NewService(t)
	one := testPFX(t, s, "one")
	s.SetReferences(refTo(one))
	a := newTestAgent(t, s)
	s.Answer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }))
	a.start()
	awaitStatus(t, a, func(s *Status) bool { return s.ContactError != "" })
	s.Answer(nil)
	s.AwaitReport(t.Context(), reports("installed", one))
}
