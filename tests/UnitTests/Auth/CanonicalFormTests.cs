using System.Globalization;
using Bsp.Infrastructure.Auth;
using Bsp.Infrastructure.Auth.Unicode;

namespace Bsp.UnitTests.Auth;

/// <summary>One keyboard types é as one character, another as two: it is one password.</summary>
public sealed class CanonicalFormTests
{
    // Text; NFC; NFD: made with Python's unicodedata from random characters that compose, decompose or combine.
    public static readonly TheoryData<string> Known =
    [
        "F92F FB31 1136A 2DEC 36F 150;52DE 5D1 5BC 1136A 2DEC 36F 150;52DE 5D1 5BC 1136A 2DEC 36F 4F 30B",
        "F915 2DE0 204 1EE8 1E30;6D1B 2DE0 204 1EE8 1E30;6D1B 2DE0 45 30F 55 31B 301 4B 301",
        "2F992 F90A 2F828 5C7;52B3 91D1 52FA 5C7;52B3 91D1 52FA 5C7",
        "8CA F916;8CA 70D9;8CA 70D9",
        "1FFC 2F898;1FFC 261DA;3A9 345 261DA",
        "1F61 2F84C 1EF3 457;1F61 5606 1EF3 457;3C9 314 5606 79 300 456 308",
        "1BAA 1B72 2F92F;1BAA 1B72 745C;1BAA 1B72 745C",
        "1E7E C8 D9;1E7E C8 D9;56 323 45 300 55 300",
        "1FF7 1F13 1F15;1FF7 1F13 1F15;3C9 342 345 3B5 314 300 3B5 314 301",
        "FA26 1FA8 5B0 10A0F;90FD 1FA8 5B0 10A0F;90FD 3A9 5B0 313 10A0F 345",
        "1F60 1136A 1FA0;1F60 1136A 1FA0;3C9 313 1136A 3C9 313 345",
        "F9E0 125 FB3E 2F8B4 1F13;6613 125 5DE 5BC 625D 1F13;6613 68 302 5DE 5BC 625D 3B5 314 300",
        "F951 38F FA76;964B 38F 52C7;964B 3A9 301 52C7",
        "1715 8FD CE ECA;1715 8FD CE ECA;1715 8FD 49 ECA 302",
        "3AC FA10 FAD6 F9FE;3AC 585A 25CD0 8336;3B1 301 585A 25CD0 8336",
        "119E0 FA32 1F6C 2F9C4 2F9A0;119E0 514D 1F6C 8863 8353;119E0 514D 3A9 313 301 8863 8353",
        "219 F932 12C;219 7210 12C;73 326 7210 49 306",
        "2F888 117 654 2F8C4;3862 117 654 647E;3862 65 307 654 647E",
        "2F816 8DD EC 2F94F;2054B 8DD EC 788C;2054B 8DD 69 300 788C",
        "1D188 1F5B;1D188 1F5B;1D188 3A5 314 300",
        "1F9E 1E48 F908 2F976 FAA9 326;1F9E 1E48 9F9C 7F7A 774A 326;397 313 342 345 4E 331 9F9C 7F7A 774A 326",
        "359 F91C 2F978 1E1B;359 5375 7F95 1E1B;359 5375 7F95 65 330",
        "115BB F9D4 174 2F8FE C48 1FD6;115BB 502B 174 6C67 C48 1FD6;115B9 115AF 502B 57 302 6C67 C46 C56 3B9 342",
        "327 1ABB FB47 1EC5;327 1ABB 5E7 5BC 1EC5;327 1ABB 5E7 5BC 65 302 303",
        "F982 1D166 614 CCA;5EEC 1D166 614 CCA;5EEC 1D166 614 CC6 CC2",
        "11100 FA36 F9FF 1F48;11100 559D 523A 1F48;11100 559D 523A 39F 313",
        "1DC3 1EC7;1DC3 1EC7;1DC3 65 323 302",
        "2F9CE 1F01 1E132 1F4;46C7 1F01 1E132 1F4;46C7 3B1 314 1E132 47 301",
        "F87 599;F87 599;F87 599",
        "15E 30B4 E48 FAA7 F919;15E 30B4 E48 76DB 916A;53 327 30B3 3099 E48 76DB 916A",
        "2DE8 2F8D0 1EBA 214 1DF2;2DE8 3B08 1EBA 214 1DF2;2DE8 3B08 45 309 55 30F 1DF2",
        "2F9F6 FA7F;29145 5954;29145 5954",
        "1E77 7ED 1E80;1E77 7ED 1E80;75 32D 7ED 57 300",
        "1E15 1F23 2F904 2F808 1EC9;1E15 1F23 6D78 507A 1EC9;65 304 300 3B7 314 300 6D78 507A 69 309",
        "2F8CB F9D0;65E3 985E;65E3 985E",
        "2F951 1CD5 1F25;40E3 1CD5 1F25;40E3 1CD5 3B7 314 301",
        "2F952 2F9E0 1133B FA3A 2F9BB F97B;25626 285D2 1133B 58A8 8779 7CE7;25626 285D2 1133B 58A8 8779 7CE7",
        "2F996 2F886 1EBE 1E2E;82E6 5E3D 1EBE 1E2E;82E6 5E3D 45 302 301 49 308 301",
        "592 1F52 1DC4 2FA0E FA91;592 1F52 1DC4 4CED 6674;592 3C5 313 300 1DC4 4CED 6674",
        "B4B 2F9EF F974;B4B 4995 82E5;B47 B3E 4995 82E5",
        "651 2FA1C FB3E 385 FAD7 116B7;651 9F3B 5DE 5BC 385 27ED3 116B7;651 9F3B 5DE 5BC A8 301 27ED3 116B7",
        "A8E3 16A F9FD FB4A 739 1D171;A8E3 16A 4EC0 5EA 5BC 1D171 739;A8E3 55 304 4EC0 5EA 5BC 1D171 739",
        "2F9D6 F955 1136B 1E018;8D1B 51CC 1136B 1E018;8D1B 51CC 1136B 1E018",
        "FA97 2DE3 1F4D 8E7;6D41 2DE3 1F4D 8E7;6D41 2DE3 39F 314 301 8E7",
        "2F9A7 64C;452B 64C;452B 64C",
        "FA5B FB1E F97A 2F979;8005 FB1E 6881 7FFA;8005 FB1E 6881 7FFA",
        "2FA12 20EE FE27 FB1F;2A105 20EE FE27 5F2 5B7;2A105 20EE FE27 5F2 5B7",
        "F97A 20DA FAAE 2F89A;6881 20DA 7C7B 5F6B;6881 20DA 7C7B 5F6B",
        "1F32 112E9 2F943 FB4E;1F32 112E9 25119 5E4 5BF;3B9 112E9 313 300 25119 5E4 5BF",
        "33D 1EAB 36C 1F14;33D 1EAB 36C 1F14;33D 61 302 303 36C 3B5 313 301",
        "FB43 2F9B3 F99F;5E3 5BC 8650 70C8;5E3 5BC 8650 70C8",
        "1E130 AABF;1E130 AABF;1E130 AABF",
        "1F2F 1B6F 8E8 336 A8EA;1F2F 336 1B6F 8E8 A8EA;397 336 314 342 1B6F 8E8 A8EA",
        "F9F0 1CE3 6DA 1DEC F96D;85FA 1CE3 6DA 1DEC 7701;85FA 1CE3 6DA 1DEC 7701",
        "1F9B 1EF5;1F9B 1EF5;397 314 300 345 79 323",
        "2F91F 1CE5 2DE4 1F59 21CD 11100;243AB 1CE5 2DE4 1F59 21CD 11100;243AB 1CE5 2DE4 3A5 314 21D0 338 11100",
        "1DD4 1E026 1D3;1DD4 1E026 1D3;1DD4 1E026 55 30C",
        "22AC 1F12 20D 1E83 1E26;22AC 1F12 20D 1E83 1E26;22A2 338 3B5 313 300 6F 30F 77 301 48 308",
        "1F5F 2F9C9 1F92 651;1F5F 88FA 1F92 651;3A5 314 342 88FA 3B7 651 313 300 345",
        "2F8B6 2F982;62D4 80B2;62D4 80B2",
        "41 30A;C5;41 30A", "1100 1161 11A8;AC01;1100 1161 11A8", "AC01;AC01;1100 1161 11A8", "212B;C5;41 30A",
        "65 323 302;1EC7;65 323 302", "65 302 323;1EC7;65 323 302", "958;915 93C;915 93C",
    ];

    [Theory]
    [MemberData(nameof(Known))]
    public void Text_takes_both_canonical_forms(string line)
    {
        var (text, composed, decomposed) = line.Split(';').Select(Text).ToArray() is [var a, var b, var c] ? (a, b, c) : default;
        foreach (var form in new[] { text, composed, decomposed })
        {
            CanonicalForm.Composed(form).ShouldBe(composed);
            CanonicalForm.Decomposed(form).ShouldBe(decomposed);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("correct horse battery staple")]
    [InlineData("\ud800x\udc00")]
    [InlineData("👨‍👩‍👧‍👦")]
    public void What_has_one_form_stays(string text) =>
        (CanonicalForm.Composed(text), CanonicalForm.Decomposed(text)).ShouldBe((text, text));

    [Fact]
    public async Task A_password_is_right_in_whichever_form_it_is_typed_also_against_hashes_of_another()
    {
        var passwords = new Passwords(2_000);
        var (composed, decomposed) = ("Käsefüße über Nürnberg", CanonicalForm.Decomposed("Käsefüße über Nürnberg"));
        decomposed.Length.ShouldBeGreaterThan(composed.Length);
        foreach (var given in new[] { composed, decomposed })
        {
            var hash = await passwords.HashAsync(given, default);
            (await passwords.VerifyAsync(hash, composed, default)).ShouldBe((true, false));
            (await passwords.VerifyAsync(hash, decomposed, default)).ShouldBe((true, false));
            (await passwords.VerifyAsync(hash, "Kasefuße uber Nurnberg", default)).ShouldBe((false, false));
        }

        // A hash of before, made of what was typed: right in both forms, and made anew at the next sign-in.
        var old = new Microsoft.AspNetCore.Identity.PasswordHasher<object>(
            Microsoft.Extensions.Options.Options.Create(new Microsoft.AspNetCore.Identity.PasswordHasherOptions { IterationCount = 2_000 }))
            .HashPassword(new(), decomposed);
        (await passwords.VerifyAsync(old, decomposed, default)).ShouldBe((true, true));
        (await passwords.VerifyAsync(old, composed, default)).ShouldBe((true, true));
        (await passwords.VerifyAsync(null, composed, default)).ShouldBe((false, false));
    }

    private static string Text(string hex) =>
        string.Concat(hex.Split(' ')
            .Select(h => char.ConvertFromUtf32(int.Parse(h, NumberStyles.HexNumber, CultureInfo.InvariantCulture))));
}
