package sddl

import "testing"

// The first is known from the owner of Windows' own files.
func TestServiceSID(t *testing.T) {
	const want = SID("S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464")
	for _, name := range []string{"TrustedInstaller", "TRUSTEDINSTALLER"} {
		if got := ServiceSID(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	if !IsSID(string(ServiceSID("poolcert-agent"))) || ServiceSID("poolcert-agent") == want {
		t.Errorf("poolcert-agent: %s", ServiceSID("poolcert-agent"))
	}
}
