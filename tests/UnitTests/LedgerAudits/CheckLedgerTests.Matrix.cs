using System.Buffers;
using System.Diagnostics;
using System.Text.Json;
using Bsp.Api.Ledger;
using Bsp.Application.Ledger;
using Bsp.Domain.Ledger;

namespace Bsp.UnitTests.LedgerAudits;

public sealed partial class CheckLedgerTests
{
    // The checker as it is, once for each case, in one process.
    private const string Driver = """
        import contextlib, io, runpy, sys
        checker, cases = sys.argv[1:]
        for case in open(cases).read().splitlines():
            sys.argv, out = [checker, *case.split("|")], io.StringIO()
            try:
                with contextlib.redirect_stdout(out): runpy.run_path(checker)
                print("0", out.getvalue().strip())
            except SystemExit as e: print("1", e.code)
            except Exception as e: print("1", type(e).__name__)
        """;

    /// <summary>Exports as the API writes them.</summary>
    [Theory]
    [InlineData("jsonl")]
    [InlineData("csv")]
    public async Task Whatever_was_done_to_an_export_is_found_and_the_first_bad_entry_named(string format)
    {
        var entries = TwoMonths();
        var (head, keys) = Signed(entries);
        const string notTheHead = "the head is not in the export, or its signature is false";
        var cases = new List<Tried>
        {
            new("nothing", entries, head, keys, $"0 {entries.Count} entries hold, up to the head signed by k1"),
            new("no head", entries, null, keys, $"0 {entries.Count} entries hold"),
            new("an earlier month left out", [.. entries.Where(e => e.Month == "2026-11")], head, keys, "0 8 entries hold, up to"),
            new("the last entry cut off, and no head", entries[..^1], null, keys, $"0 {entries.Count - 1} entries hold"),
            new("the last entry cut off", entries[..^1], head, keys, $"1 {notTheHead}"),
            new("the last month cut off", [.. entries.Where(e => e.Month == "2026-10")], head, keys, $"1 {notTheHead}"),
            new("everything cut off", [], head, keys, $"1 {notTheHead}"),
            new("another key of the name", entries, head, Signed(entries).Keys, $"1 {notTheHead}"),
            new("no such key", entries, head with { KeyId = "k2" }, keys, "1 the head's key is not among the keys"),
            new("a head of more", entries, head with { Balance = head.Balance + 1 }, keys, "1 entry 8 of 2026-11 "),
            new("a signature of another head", entries, head with { At = head.At.AddSeconds(1) }, keys, $"1 {notTheHead}"),
            new("a signature cut short", entries, head with { Signature = head.Signature[..64] }, keys, "1 "),
            new("two swapped", [.. entries[..3], entries[4], entries[3], .. entries[5..]], head, keys, "1 entry 5 of 2026-10 "),
            new("one removed", [.. entries[..3], .. entries[4..]], head, keys, "1 entry 5 of 2026-10 "),
            new("one twice", [.. entries[..4], .. entries[3..]], head, keys, "1 entry 4 of 2026-10 "),
            new("the closing removed", Without(entries, EntryTypes.Closing), head, keys, "1 entry 1 of 2026-11 "),
            new("the opening removed", Without(entries, EntryTypes.Opening, "2026-11"), head, keys, "1 entry 2 of 2026-11 "),
            new("computed anew to the month's end", Anew(entries, "2026-10"), head, keys, "1 entry 1 of 2026-11 "),
            new("computed anew up to today", Anew(entries, "2026-11"), head, keys, "1 entry 8 of 2026-11 "),
            new("computed anew up to today, and no head", Anew(entries, "2026-11"), null, keys, $"0 {entries.Count} entries hold"),
        };
        cases.AddRange(Fields(entries[3]).Select(f =>
            new Tried(f.What, [.. entries[..3], f.Entry, .. entries[4..]], head, keys, "1 entry 4 of 2026-10 ")));

        var said = await CheckAsync(cases, format);

        said.Count.ShouldBe(cases.Count);
        foreach (var (wanted, answer) in cases.Zip(said))
        {
            answer.ShouldStartWith(wanted.Says, Case.Sensitive, wanted.What);
        }
    }

    private static List<LedgerEntry> Without(List<LedgerEntry> entries, string type, string month = "2026-10") =>
        [.. entries.Where(e => e.Type != type || e.Month != month)];

    private static IEnumerable<(string What, LedgerEntry Entry)> Fields(LedgerEntry entry)
    {
        yield return ("its id", entry with { Id = Guid.NewGuid() });
        yield return ("its type", entry with { Type = EntryTypes.Credit });
        yield return ("its amount", entry with { Amount = entry.Amount + 0.000001m });
        yield return ("its balance", entry with { BalanceAfter = entry.BalanceAfter + 0.000001m });
        yield return ("its holds", entry with { HeldAfter = entry.HeldAfter + 0.000001m });
        yield return ("its category", entry with { Category = "subscription" });
        yield return ("its reference", entry with { ReferenceId = entry.ReferenceId + "x" });
        yield return ("a text that was none", entry with { Description = "" });
        yield return ("its time", entry with { CreatedAt = entry.CreatedAt.AddMilliseconds(1) });
        yield return ("its market", entry with { Metadata = With(entry, "market", "Chad") });
        yield return ("one thing more", entry with { Metadata = With(entry, "b", "") });
        yield return ("its hash", entry with { Hash = entry.PreviousHash });
        yield return ("the hash before", entry with { PreviousHash = entry.Hash });
        yield return ("amount and hash", (entry with { Amount = 9m }).Hashed());
        yield return ("the chain", (entry with { PreviousHash = new string('0', 64) }).Hashed());
    }

    private static Dictionary<string, string> With(LedgerEntry entry, string name, string value) =>
        new(entry.Metadata) { [name] = value };

    // Somebody changes a text of October and computes every hash after it, up to a month's end.
    private static List<LedgerEntry> Anew(List<LedgerEntry> entries, string to)
    {
        var (all, previous) = (new List<LedgerEntry>(), LedgerEntry.NoHash);
        foreach (var entry in entries)
        {
            var changed = entry is { Month: "2026-10", Sequence: 4 } ? entry with { Description = "never happened" } : entry;
            all.Add(string.CompareOrdinal(entry.Month, to) <= 0 ? (changed with { PreviousHash = previous }).Hashed() : entry);
            previous = all[^1].Hash;
        }

        return all;
    }

    private async Task<List<string>> CheckAsync(List<Tried> cases, string format)
    {
        var list = new List<string>();
        foreach (var (of, n) in cases.Select((c, n) => (c, n)))
        {
            string[] files = [.. new[] { $"{n}.{format}", $"{n}.head.json", $"{n}.keys.json" }.Select(f => Path.Combine(folder, f))];
            await File.WriteAllBytesAsync(files[0], Export(of.Entries, format == "csv"));
            await File.WriteAllTextAsync(files[1], JsonSerializer.Serialize(of.Head, Api.Common.WireJson.Options));
            await File.WriteAllTextAsync(files[2], JsonSerializer.Serialize(of.Keys, Stored));
            list.Add(string.Join('|', of.Head is null ? files[..1] : files));
        }

        var arguments = Path.Combine(folder, "cases");
        await File.WriteAllLinesAsync(arguments, list);
        return [.. (await PythonAsync(["-c", Driver, Checker, arguments])).Said.Split('\n')];
    }

    private static byte[] Export(List<LedgerEntry> entries, bool csv)
    {
        var buffer = new ArrayBufferWriter<byte>();
        if (csv)
        {
            LedgerExportEndpoints.WriteHeader(buffer);
        }

        foreach (var entry in entries)
        {
            LedgerExportEndpoints.Write(buffer, JsonSerializer.SerializeToElement(entry, Stored), csv);
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static async Task<(int Code, string Said)> PythonAsync(string[] arguments)
    {
        var start = new ProcessStartInfo("python3", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using var process = Process.Start(start)!;
            var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await process.WaitForExitAsync();
            return (process.ExitCode, (await output + await error).Trim());
        }
        catch (System.ComponentModel.Win32Exception absent)
        {
            Assert.Skip($"There is no python3 here: {absent.Message}");
            throw;
        }
    }

    private sealed record Tried(string What, List<LedgerEntry> Entries, SignedLedgerHead? Head, object Keys, string Says);
}
