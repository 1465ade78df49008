using System.Text.RegularExpressions;
using Bsp.Infrastructure.Common;
using Bsp.UnitTests.EventStore;

namespace Bsp.UnitTests.Common;

/// <summary>
/// Text of strangers is cut in one place only (<see cref="Bsp.Domain.Common.Text.Cut"/>): elsewhere a bound in UTF-16 units falls into the
/// middle of a character, and no store takes half of one.
/// </summary>
public sealed partial class CutTests
{
    // Names that never stand for text.
    private static readonly HashSet<string> NoText = ["rows", "bytes", "buffer", "hash", "data", "span", "body"];

    // What looks like a cut of text and is none, with the reason.
    private static readonly Dictionary<string, string> Allowed = new()
    {
        ["Api/Common/Access.cs: line[..cut]"] = "our own table, at a blank",
        ["Api/Common/AccountRestriction.cs: kind[..^1]"] = "our own word without its s",
        ["Api/Common/Documentation.cs: code[..code.LastIndexOf(':')]"] = "our own code, at a colon",
        ["Application/Templates/TemplateParameters.cs: text[done..match.Index]"] = "at a placeholder's brace",
        ["Domain/Charging/Markets.cs: digits[..PrefixDigitsMax]"] = "ASCII digits",
        ["Domain/Charging/Markets.cs: digits[..length]"] = "ASCII digits, or two letters",
        ["Domain/Charging/Markets.cs: userId[..2]"] = "two ASCII letters",
        ["Domain/Common/Text.cs: text[..end]"] = "the one place",
        ["Domain/Common/Uuid.cs: input[..(16 + length)]"] = "bytes",
        ["Infrastructure/Auth/LoginGate.cs: )[..8]"] = "bytes of an address",
        ["Infrastructure/ClickHouse/ClickHouseSchema.cs: text[start..text.IndexOf(to, start, StringComparison.Ordinal)]"] =
        "our own statement, at a word",
        ["Infrastructure/Contacts/EnsureContactsHandler.cs: clean[..space]"] = "at a blank",
        ["Infrastructure/Contacts/GetContactTimelineHandler.cs: cursor[..cut]"] = "our own cursor, at a bar",
        ["Infrastructure/Contacts/ListContactsHandler.cs: email[..(at + 1)]"] = "after an @",
        ["Infrastructure/Contacts/ListContactsHandler.cs: kept[..^1]"] = "digits",
        ["Infrastructure/EventStore/AppendArrays.cs: .AsSpan(0, items.Count)"] = "numbers",
        ["Infrastructure/Media/MediaWorker.cs: "
            + "start[..await content.ReadAtLeastAsync(start, start.Length, throwOnEndOfStream: false, ct)]"] = "bytes",
        ["Application/Media/StoreMedia.cs: start[..await content.ReadAtLeastAsync(start, start.Length, throwOnEndOfStream: false, ct)]"] =
        "bytes",
        ["Infrastructure/Media/SealedChunks.cs: .AsSpan(0, length)"] = "bytes",
        ["Infrastructure/Media/SealedChunks.cs: .AsSpan(0, size)"] = "bytes",
        ["Infrastructure/Meta/MessagingLimits.cs: text[..^1]"] = "digits and a K",
        ["Infrastructure/Privacy/MasterKeys.cs: .AsSpan(0, MacBytes)"] = "bytes",
        ["Infrastructure/Privacy/MasterKeys.cs: .AsSpan(0, NonceBytes)"] = "bytes",
        ["Infrastructure/Privacy/MasterKeys.cs: )[..8]"] = "hexadecimal digits",
        ["Infrastructure/Privacy/MasterKeys.cs: )[..MacBytes]"] = "bytes",
        ["Infrastructure/Schema/Migrator.cs: before[..12]"] = "hexadecimal digits",
        ["Infrastructure/Schema/Migrator.cs: sha[..12]"] = "hexadecimal digits",
        ["Api/Common/QueryTexts.cs: pair[..at]"] = "at an equals sign",
        ["Api/Common/QueryTexts.cs: .Substring(i + 1, 2)"] = "two hexadecimal digits",
        ["Api/Common/QueryTexts.cs: .AsSpan(0, length)"] = "bytes",
        ["Domain/Messages/MessageEvents.cs: .AsSpan(0, 8)"] = "bytes",
        ["Domain/Ledger/MerkleFrontier.cs: .AsSpan(0, kept)"] = "bytes",
        ["Domain/Ledger/CanonicalFields.cs: .AsSpan(0, length)"] = "bytes",
        ["Infrastructure/Messages/KeptJson.cs: .AsSpan(0, number.AsSpan()"] = "digits before an exponent",
        ["Infrastructure/Messages/SendSweeper.cs: messages[..(messages.Length / 2)]"] = "ids",
        ["Api/Statements/StatementHtml.cs: )[..10]"] = "our own time, its day",
        ["Api/Ledger/LedgerProofEndpoints.cs: text[..7]"] = "a date or time that was read, its month",
        ["Infrastructure/LedgerHeads/LedgerDaysHandler.cs: cursor[..10]"] = "our own cursor, its day",
        ["Infrastructure/LedgerAudits/Runs/TableRow.cs: .AsSpan(0, key)"] = "bytes",
        ["Infrastructure/LedgerAudits/Runs/TableRow.cs: .AsSpan(0, length)"] = "bytes",
        ["Infrastructure/LedgerAudits/Runs/EntryBytes.cs: .AsSpan(0, 32)"] = "bytes",
        ["Infrastructure/LedgerAudits/Runs/EntryBytes.cs: .AsSpan(0, written)"] = "bytes",
        ["Infrastructure/LedgerAudits/Runs/EntryBytes.cs: digits[..length]"] = "bytes",
        ["Infrastructure/LedgerAudits/Runs/Micros.cs: text[..4]"] = "bytes",
        ["Infrastructure/LedgerAudits/Runs/Micros.cs: text[5..7]"] = "bytes",
        ["Infrastructure/LedgerAudits/Runs/Micros.cs: text[8..10]"] = "bytes",
        ["Infrastructure/LedgerAudits/Runs/Micros.cs: text[11..13]"] = "bytes",
        ["Infrastructure/LedgerAudits/Runs/Micros.cs: text[14..16]"] = "bytes",
        ["Infrastructure/LedgerAudits/Runs/Micros.cs: text[17..19]"] = "bytes",
        ["Infrastructure/LedgerAudits/Runs/Micros.cs: text[20..23]"] = "bytes",
        ["Infrastructure/LedgerAudits/Runs/ChunkAudit.cs: text[..length]"] = "bytes",
        ["Infrastructure/Statements/GetStatementHandler.cs: sorted[..(Statement.LinesMax - 10)]"] = "lines of a statement",
        ["Infrastructure/Sealing/Canonical.cs: digits[..length]"] = "digits",
        ["Infrastructure/Sealing/Canonical.cs: hex[..length]"] = "hexadecimal digits",
        ["Infrastructure/Sealing/LogSigner.cs: )[..16]"] = "hexadecimal digits",
        ["Infrastructure/Backups/BackupManifest.cs: )[..16]"] = "hexadecimal digits",
        ["Infrastructure/Backups/DumpRows.cs: .AsSpan(0, read)"] = "bytes",
        ["Infrastructure/Backups/DumpRows.cs: text[..end]"] = "bytes",
        ["Infrastructure/Backups/DumpRows.cs: part[..Math.Min(part.Length, Math.Max(0, LineBytesKept - length))]"] = "bytes",
        ["Infrastructure/Backups/DumpRows.cs: .AsSpan(0, Math.Min(length, LineBytesKept)"] = "bytes",
        ["Infrastructure/Sealing/LogLeaves.cs: Span[8..24]"] = "bytes",
        ["Infrastructure/Sealing/LogLeaves.cs: Span[24..40]"] = "bytes",
        ["Infrastructure/Sealing/LogLeaves.cs: .AsSpan(0, 16)"] = "bytes",
        ["Infrastructure/Redis/CopySeal.cs: .AsSpan(0, MacBytes)"] = "bytes",
        ["Infrastructure/Redis/JsonCache.cs: copy[..mac]"] = "bytes",
        ["Application/Common/KeptJson.cs: Path[..end]"] = "our own path, at a dot",
        ["Application/Common/KeptJson.cs: text[..at]"] = "digits before an exponent",
        ["Application/Common/KeptJsonWalk.cs: TextMessage[..^1]"] = "our own sentence without its full stop",
        ["Infrastructure/Auth/Unicode/CanonicalForm.cs: line[..dots]"] = "our own table, at its dots",
        ["Infrastructure/Auth/Unicode/CanonicalForm.cs: line[..at]"] = "our own table, at a sign",
        ["Infrastructure/Auth/Unicode/CanonicalForm.cs: points[start..end]"] = "code points",
        ["Infrastructure/Campaigns/CampaignProgressHashes.cs: found[..2]"] = "two values of a hash",
        ["Infrastructure/Campaigns/ProgressSeal.cs: values[..^1]"] = "values of a hash",
        ["Application/Webhooks/MetaEnvelope.cs: raw[1..^1]"] = "bytes",
        ["Application/Webhooks/MetaEnvelope.cs: raw[..Math.Min(raw.Length, unitsMax + 1)]"] = "bytes",
        ["Application/Webhooks/MetaEnvelope.cs: raw[..(quoted.Length - 2)]"] = "bytes",
        ["Infrastructure/Common/ReadableJson.cs: text[2..EscapeLength]"] = "bytes",
        ["Infrastructure/Webhooks/WebhookLane.cs: rest[..Math.Min(rest.Length, NumberCharactersMax)]"] = "bytes",
        ["Infrastructure/Webhooks/WebhookLane.cs: rest[..length]"] = "bytes",
        ["Infrastructure/Ai/AiPrompts.cs: )[..HashDigits]"] = "hexadecimal digits",
        ["Infrastructure/Ai/Embedded/EmbeddedReader.cs: Known[..^1]"] = "names of lists",
        ["Infrastructure/Ai/Embedded/WordList.cs: line[..cut]"] = "our own list, at its colon",
        ["Infrastructure/Ai/Embedded/WordList.cs: word[..KeyUnits]"] = "a key of our own lists",
        ["Infrastructure/Ai/Embedded/WordList.cs: text[..KeyUnits]"] = "a key of our own lists",
    };

    [Fact]
    public void Nothing_but_Text_Cut_cuts_text_at_a_length()
    {
        var source = Repository.Path("src");
        var found = Directory.GetFiles(source, "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .SelectMany(file => File.ReadLines(file).SelectMany(CutsIn)
                .Select(cut => $"{Path.GetRelativePath(source, file).Replace('\\', '/')}: {cut}")).Distinct().ToList();
        found.Count.ShouldBeGreaterThan(10);
        found.Where(cut => !Allowed.ContainsKey(cut)).ShouldBeEmpty(
            "Text is cut by Bsp.Domain.Common.Text.Cut. What is no text, or is cut at a character that was looked for, goes on the list here with its reason.");
    }

    [Theory]
    [InlineData("return name[..60];", "name[..60]")]
    [InlineData("text.Length > Max ? text[..Max] : text", "text[..Max]")]
    [InlineData("var part = text.Substring(0, 200);", ".Substring(0, 200)")]
    [InlineData("title.Remove(100)", ".Remove(100)")]
    [InlineData("x = text[1..Max]", "text[1..Max]")]
    [InlineData("x = text?[..Max]", "text?[..Max]")]
    [InlineData("x = Of(text)[..Max]", ")[..Max]")]
    [InlineData("new string([.. text.Where(c => c > 3).Take(NameMax)])", "new string([.. text.Where(c => c > 3).Take(NameMax)])")]
    [InlineData("text.AsSpan(0, 100)", ".AsSpan(0, 100)")]
    public void The_search_finds_the_ways_in_which_text_is_cut(string code, string cut) => CutsIn(code).ShouldBe([cut]);

    [Theory]
    [InlineData("List<int> all = [.. items.Where(i => i > 3)];")]
    [InlineData("var rest = text[5..];")]
    [InlineData("case [var first, ..]:")]
    [InlineData("[.. page.Events.Take(half)]")]
    [InlineData("rows[..limit]")]
    public void The_search_takes_nothing_else_for_one(string code) => CutsIn(code).ShouldBeEmpty();

    private static IEnumerable<string> CutsIn(string line) => line.TrimStart().StartsWith("//", StringComparison.Ordinal) ? []
        : Cut().Matches(line).Select(match => match.Value).Where(cut => !NoText.Contains(cut.Split('[')[0]));

    // A range with an end on something that is named or called; the old ways; characters taken into a new string.
    [GeneratedRegex(
        """(?:\w+\??|\))\[(?:\w+|\^\w+)?\.\.[^\]\s][^\[\]]*\]|\.Substring\([^)]*\)|\.Remove\(\d[^)]*\)|\.AsSpan\(0, ?[^)]*\)|new string\(\[\.\. .*\.Take\([^)]*\)\]\)""")]
    private static partial Regex Cut();
}
