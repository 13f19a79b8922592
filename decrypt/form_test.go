package decrypt

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"
)

// wrap breaks base64 into lines of 64.
func wrap(der []byte, eol string) string {
	var b strings.Builder
	text := base64.StdEncoding.EncodeToString(der)
	for len(text) > 64 {
		b.WriteString(text[:64] + eol)
		text = text[64:]
	}
	b.WriteString(text + eol)
	return b.String()
}

func utf16LE(s string) string {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return string(out)
}

func utf16BE(s string) string {
	out := []byte{0xfe, 0xff}
	for _, u := range utf16.Encode([]rune(s)) {
		out = binary.BigEndian.AppendUint16(out, u)
	}
	return string(out)
}

// armoured returns a message in all forms that can be opened.
func armoured(der []byte) map[string]struct {
	form Form
	text string
} {
	block := func(label string) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}))
	}
	line := base64.StdEncoding.EncodeToString(der)
	mime := "MIME-Version: 1.0\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data;\n name=smime.p7m\n"
	return map[string]struct {
		form Form
		text string
	}{
		"DER":               {DER, string(der)},
		"DER and newline":   {DER, string(der) + "\r\n"},
		"CMS":               {PEM, block("CMS")},
		"PKCS7":             {PEM, block("PKCS7")},
		"gpgsm's armour":    {PEM, block("ENCRYPTED MESSAGE")},
		"CRLF":              {PEM, strings.ReplaceAll(block("CMS"), "\n", "\r\n")},
		"text around":       {PEM, "Dear all: the secret\n\n" + block("CMS") + "\nyours\n"},
		"header around":     {PEM, "Subject: secret\n\n" + block("CMS")},
		"certificate first": {PEM, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})) + block("CMS")},
		"indented":          {PEM, "    " + strings.ReplaceAll(block("CMS"), "\n", "\n    ")},
		"no last newline":   {PEM, strings.TrimSpace(block("CMS"))},
		"UTF-8 mark":        {PEM, "\xef\xbb\xbf" + block("CMS")},
		"UTF-16LE":          {PEM, utf16LE("Geheimnis für alle\r\n" + block("CMS"))},
		"UTF-16BE":          {PEM, utf16BE(block("CMS"))},
		"one line":          {Base64, line},
		"lines":             {Base64, wrap(der, "\n")},
		"lines, CRLF":       {Base64, "\r\n " + wrap(der, "\r\n") + "\t\n"},
		"UTF-16LE base64":   {Base64, utf16LE(line)},
		"lower case":        {PEM, strings.NewReplacer("BEGIN CMS", "begin cms", "END CMS", "End Cms").Replace(block("CMS"))},
		"within a line":     {PEM, "secret: " + strings.ReplaceAll(block("CMS"), "\n", " ") + "is all"},
		"more dashes":       {PEM, "-----------\n--" + block("CMS")},
		"far down":          {PEM, strings.Repeat("text\n", 6000) + block("CMS")},
		"eyaml, no method":  {EYAML, "ENC[" + line + "]"},
		"eyaml in YAML":     {EYAML, "db::password: >\n    ENC[PKCS7," + wrap(der, "\n    ") + "]\n"},
		"eyaml in quotes":   {EYAML, `password: "ENC[PKCS7,` + line + "]\"\n"},
		"eyaml":             {EYAML, "ENC[PKCS7," + line + "]\n"},
		"eyaml, comment":    {EYAML, "password: ENC[PKCS7," + line + "] # of the database\n"},
		"eyaml, next line":  {EYAML, "password: ENC[PKCS7," + line + "]\r\nuser: me\n"},
		"block after":       {PEM, block("CMS") + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}))},
		"eyaml in lines":    {EYAML, "  ENC[PKCS7,\n  " + wrap(der, "\n  ") + "]"},
		"S/MIME":            {SMIME, mime + "Content-Transfer-Encoding: base64\n\n" + wrap(der, "\n") + "\n"},
		"S/MIME, CRLF":      {SMIME, strings.ReplaceAll(mime, "\n", "\r\n") + "content-transfer-encoding: BASE64\r\n\r\n" + wrap(der, "\r\n")},
		"S/MIME, x- type":   {SMIME, "Content-Type: application/x-pkcs7-mime\n\n" + wrap(der, "\n")},
		"S/MIME, no quotes": {SMIME, "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=my file.p7m\n\n" + wrap(der, "\n")},
		"S/MIME, binary":    {SMIME, mime + "Content-Transfer-Encoding: binary\n\n" + string(der)},
		"S/MIME, no coding": {SMIME, mime + "\n" + string(der)},
	}
}

func TestForms(t *testing.T) {
	content := []byte("the secret")
	for _, size := range []int{len(content), 100_000} {
		content := bytes.Repeat(content, size/len(content))
		der := seal(t, content, true)
		for name, test := range armoured(der) {
			for _, slow := range []bool{false, true} {
				var src io.Reader = strings.NewReader(test.text)
				if slow {
					src = iotest.OneByteReader(src)
				}
				var out bytes.Buffer
				res, err := Decrypt(t.Context(), &out, src, Keys(alice(t)), Options{})
				if err != nil || !bytes.Equal(out.Bytes(), content) {
					t.Errorf("%s: %d bytes, %v; want %d", name, out.Len(), err, len(content))
					continue
				}
				if want := (Result{test.form, true, int64(len(content))}); res != want {
					t.Errorf("%s: %+v, want %+v", name, res, want)
				}
			}
		}
	}
}

func TestRefusedForms(t *testing.T) {
	der := seal(t, []byte("the secret"), true)
	text := base64.StdEncoding.EncodeToString(der)
	block := string(pem.EncodeToMemory(&pem.Block{Type: "CMS", Bytes: der}))
	for name, test := range map[string]struct{ text, want string }{
		"empty":            {"", "any known form"},
		"white space":      {" \n", "any known form"},
		"endless space":    {strings.Repeat(" ", 1<<20), "any known form"},
		"text":             {"my password is hunter2\n", "any known form"},
		"JSON":             {`{"a": 1}`, "any known form"},
		"JWE compact":      {"eyJhbGciOiJSU0EtT0FFUCJ9.abc.def.ghi.jkl", "expected alg and enc"},
		"JWE JSON":         {`{"protected": "eyJ", "ciphertext": "x"}`, "JOSE header"},
		"JWE of password":  {"eyJhbGciOiJQQkVTMi1IUzI1NitBMTI4S1ciLCJlbmMiOiJBMjU2R0NNIn0.YQ.YQ.YQ.YQ", "PBES2-HS256+A128KW"},
		"raw RSA":          {base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 384)), "RSA key of 3072 bits"},
		"eyaml of GPG":     {"ENC[GPG," + text + "]", "eyaml method: GPG"},
		"certificate":      {string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), "PEM block: CERTIFICATE"},
		"signed":           {string(pem.EncodeToMemory(&pem.Block{Type: "PKCS #7 SIGNED DATA", Bytes: der})), "PKCS #7 SIGNED DATA"},
		"S/MIME signed":    {"Content-Type: application/pkcs7-mime; smime-type=signed-data\n\n" + text, "signed-data"},
		"S/MIME no type":   {"Content-Type: /; name=my file.p7m\n\n" + text, "Content-Type of S/MIME"},
		"S/MIME multipart": {"Content-Type: multipart/signed; boundary=x\n\n" + text, "multipart/signed"},
		"S/MIME coding":    {"Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: quoted-printable\n\n" + text, "quoted-printable"},
		"S/MIME cut":       {"Content-Type: application/pkcs7-mime\n", "S/MIME header"},
		"bad base64":       {text[:40] + "*" + text[41:], "base64"},
		"PEM without end":  {strings.Split(block, "-----END")[0], "decryption failed"},
		"PEM, other end":   {strings.Replace(block, "END CMS", "END PKCS7", 1), "decryption failed"},
		"eyaml, open":      {"ENC[PKCS7," + text, "decryption failed"},
		"eyaml, twice":     {"a: ENC[PKCS7," + text + "]" + strings.Repeat(" ", 120) + "\nb: ENC[PKCS7," + text + "]\n", "another encrypted message"},
		"eyaml, far below": {"a: ENC[PKCS7," + text + "]\n" + strings.Repeat("# text\n", 10_000) + "b: ENC[PKCS7," + text + "]\n", "another encrypted message"},
		"PEM twice":        {block + block, "another encrypted message"},
		"PEM, far below":   {block + strings.Repeat("text\n", 300_000) + block, "another encrypted message"},
		"eyaml, no hash":   {"ENC[PKCS7," + text + "]#x", "decryption failed"},
		"eyaml, more":      {"ENC[PKCS7," + text + "]x", "decryption failed"},
		"base64 twice":     {text + text, "decryption failed"},
		"DER twice":        {string(der) + string(der), "decryption failed"},
	} {
		var out bytes.Buffer
		_, err := Decrypt(t.Context(), &out, strings.NewReader(test.text), Keys(alice(t)), Options{})
		if err == nil || !strings.Contains(err.Error(), test.want) || out.Len() > 0 {
			t.Errorf("%s: %d bytes, %v; want an error with %q", name, out.Len(), err, test.want)
			continue
		}
		checkErrorType(t, err)
	}
}

func TestReadErrorComesOut(t *testing.T) {
	broken := errors.New("broken disk")
	for name, test := range armoured(seal(t, []byte("the secret"), true)) {
		for _, n := range []int{0, 2, 50, len(test.text) / 2} {
			src := io.MultiReader(strings.NewReader(test.text[:n]), iotest.ErrReader(broken))
			if _, err := Decrypt(t.Context(), io.Discard, src, Keys(alice(t)), Options{}); !errors.Is(err, broken) {
				t.Errorf("%s, broken at %d: %v", name, n, err)
			}
		}
	}
}

// FuzzOpen: armour ends, and what is in good armour comes out.
func FuzzOpen(f *testing.F) {
	der := seal(f, []byte("the secret"), false)
	for _, test := range armoured(der) {
		f.Add([]byte(test.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		form, r, err := open(bytes.NewReader(text), 0)
		if err != nil {
			checkErrorType(t, err)
			return
		}
		got, err := io.ReadAll(r)
		if err != nil {
			checkErrorType(t, err)
			return
		}
		if len(got) > len(text) {
			t.Errorf("%v: %d bytes in %d", form, len(got), len(text))
		}
		if form == Base64 && !strings.HasPrefix(string(text), "\xff") && !strings.HasPrefix(string(text), "\xfe") {
			again := base64.StdEncoding.EncodeToString(got)
			stripped := strings.Join(strings.Fields(strings.TrimPrefix(string(text), "\xef\xbb\xbf")), "")
			if len(again) != len(stripped) {
				t.Errorf("%d base64 characters, decoded to %d", len(stripped), len(got))
			}
		}
	})
}
