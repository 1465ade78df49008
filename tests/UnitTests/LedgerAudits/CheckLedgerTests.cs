using System.Text.Json;
using Bsp.Application.Ledger;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.UnitTests.EventStore;
using NSec.Cryptography;

namespace Bsp.UnitTests.LedgerAudits;

/// <summary>docs/check_ledger.py, which auditors take home: it accepts what the ledger makes, and names what was changed.</summary>
public sealed partial class CheckLedgerTests : IDisposable
{
    private const int LinesMax = 60;
    private static readonly JsonSerializerOptions Stored = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
    private static readonly string Checker = Repository.Path("docs", "check_ledger.py");
    private readonly string folder = Directory.CreateTempSubdirectory("bsp-ledger-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void It_is_short_and_uses_nothing_but_the_standard_library()
    {
        var lines = File.ReadAllLines(Checker);
        lines.Length.ShouldBeLessThanOrEqualTo(LinesMax);
        lines.Where(l => l.StartsWith("import ", StringComparison.Ordinal) || l.StartsWith("from ", StringComparison.Ordinal))
            .ShouldBe(["import json, re, sys", "from decimal import Decimal", "from hashlib import sha256, sha512"]);
    }

    [Fact]
    public async Task It_accepts_a_true_ledger_with_its_signed_head_and_names_the_entry_that_was_changed()
    {
        var entries = TwoMonths();
        var (head, keys) = Signed(entries);
        (await CheckAsync(entries, head, keys)).ShouldBe((0, $"{entries.Count} entries hold, up to the head signed by k1"));
        (await CheckAsync(entries, null, null)).ShouldBe((0, $"{entries.Count} entries hold"));
        var second = entries.FindIndex(e => e.Month == "2026-11");
        (await CheckAsync(entries[second..], head, keys)).Code.ShouldBe(0, "an export may begin with a later month");

        foreach (var (what, spoiled) in Spoiled(entries))
        {
            var (code, said) = await CheckAsync(spoiled, head, keys);
            code.ShouldBe(1, what);
            said.ShouldStartWith("entry 4 of 2026-10", Case.Sensitive, what);
        }

        (await CheckAsync(entries, head with { Balance = head.Balance + 1 }, keys)).Code.ShouldBe(1);
        (await CheckAsync(entries, head with { At = head.At.AddSeconds(1) }, keys))
            .ShouldBe((1, "the head is not in the export, or its signature is false"));
        (await CheckAsync(entries, head with { Size = 99 }, keys))
            .ShouldBe((1, "the head is not in the export, or its signature is false"));
        (await CheckAsync(entries, head, Signed(entries).Keys)).ShouldBe((1, "the head is not in the export, or its signature is false"),
            "another key of the same name");
        (await CheckAsync(entries, head with { KeyId = "k2" }, keys)).ShouldBe((1, "the head's key is not among the keys"));
    }

    private static IEnumerable<(string, List<LedgerEntry>)> Spoiled(List<LedgerEntry> entries)
    {
        List<LedgerEntry> With(LedgerEntry entry) => [.. entries.Select((e, n) => n == 3 ? entry : e)];
        yield return ("its amount", With(entries[3] with { Amount = 9m }));
        yield return ("its text", With(entries[3] with { Description = "x" }));
        yield return ("its hash", With(entries[3] with { Hash = entries[2].Hash }));
        yield return ("amount and hash", With((entries[3] with { Amount = 9m }).Hashed()));
        yield return ("the chain", With((entries[3] with { PreviousHash = entries[1].Hash }).Hashed()));
        yield return ("the one before is gone", [.. entries[..2], .. entries[3..]]);
    }

    private static List<LedgerEntry> TwoMonths()
    {
        var (organization, now, entries) = (Uuid.New(), new DateTimeOffset(2026, 10, 30, 9, 0, 0, TimeSpan.Zero), new List<LedgerEntry>());
        var head = LedgerHead.New(organization, "USD");
        foreach (var month in new[] { 0, 1 })
        {
            var page = new LedgerPage(head, [], [], now.AddMonths(month));
            page.Post(new Credit(100m, EntryCategories.Topup, new(Uuid.New(), "topup"), "pay_1", "شحن, \"10%\" 💳\nline 2"))
                .ShouldBeOfType<Posted>();
            page.Post(new PlaceHold($"campaign/{month}", 1m, now.AddDays(90))).ShouldBeOfType<Posted>();
            foreach (var n in Enumerable.Range(0, 5))
            {
                page.Post(new Debit(0.0135m, EntryCategories.Message, new(Uuid.New(), "message"), $"message/{n}",
                    FromHold: $"campaign/{month}",
                    Metadata: new Dictionary<string, string> { ["market"] = "India", ["a"] = "é" })).ShouldBeOfType<Posted>();
            }

            entries.AddRange(page.Entries);
            head = page.Head;
        }

        return entries;
    }

    private static (SignedLedgerHead Head, object Keys) Signed(List<LedgerEntry> entries)
    {
        using var key = Key.Create(SignatureAlgorithm.Ed25519);
        var (last, month) = (entries[^1], entries.Where(e => e.Month == entries[^1].Month).ToList());
        var root = Convert.ToHexStringLower(Merkle.Root([.. month.Select(e => Convert.FromHexString(e.Hash))]));
        var at = new DateTimeOffset(2026, 11, 30, 9, 0, 0, TimeSpan.Zero);
        var message = Infrastructure.LedgerHeads.HeadSigner.Message(last.OrganizationId, "USD", last.Month, last.Sequence, last.Hash,
            root, last.BalanceAfter, last.HeldAfter, at);
        var head = new SignedLedgerHead(last.OrganizationId, "USD", last.Month, last.Sequence, last.Hash, root, last.BalanceAfter,
            last.HeldAfter, at, "k1", System.Text.Encoding.UTF8.GetString(message),
            Convert.ToHexStringLower(SignatureAlgorithm.Ed25519.Sign(key, message)));
        return (head,
            new { keys = new[] { new { kid = "k1", hex = Convert.ToHexStringLower(key.PublicKey.Export(KeyBlobFormat.RawPublicKey)) } } });
    }

    private async Task<(int Code, string Said)> CheckAsync(List<LedgerEntry> entries, SignedLedgerHead? head, object? keys)
    {
        var (export, headFile, keyFile) = (Path.Combine(folder, "export.jsonl"), Path.Combine(folder, "head.json"),
            Path.Combine(folder, "keys.json"));
        await File.WriteAllLinesAsync(export, entries.Select(e => JsonSerializer.Serialize(e, Stored)));
        await File.WriteAllTextAsync(headFile, JsonSerializer.Serialize(head, Api.Common.WireJson.Options));
        await File.WriteAllTextAsync(keyFile, JsonSerializer.Serialize(keys, Stored));
        return await PythonAsync(head is null ? [Checker, export] : [Checker, export, headFile, keyFile]);
    }
}
