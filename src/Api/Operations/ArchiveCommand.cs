using System.Globalization;
using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Retention;

namespace Bsp.Api.Operations;

/// <summary>The verb <c>archive</c>: whether archives are as they were written, and bringing a conversation back.</summary>
public static class ArchiveCommand
{
    private const string Usage = "archive verify [--org ID] [--json], "
        + "or archive restore --org ID --conversation ID [--days 1..365] [--out FILE]";
    private const int DaysMax = 365;
    private static readonly JsonSerializerOptions Format =
        new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true };

    /// <returns>0: all is well; 1: it is not; 2: the command line is wrong.</returns>
    public static async Task<int> RunAsync(VerbServices services, string[] arguments)
    {
        var asked = Read(arguments);
        if (asked.Fault.Length > 0)
        {
            await Console.Error.WriteLineAsync($"{asked.Fault} Usage: {Usage}");
            return 2;
        }

        try
        {
            return asked.Verb == "verify" ? await VerifyAsync(services, asked) : await RestoreAsync(services, asked);
        }
        catch (Exception e) when (e is Refusal or ArchiveFault or StoreUnavailable or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 1;
        }
    }

    private static Asked Read(string[] arguments)
    {
        var asked = new Asked(arguments.FirstOrDefault() ?? "", null, null, ArchiveRestores.DaysStandard, null, false, "");
        if (asked.Verb is not ("verify" or "restore"))
        {
            return asked with { Fault = "Say verify or restore." };
        }

        for (var i = 1; i < arguments.Length && asked.Fault.Length == 0; i++)
        {
            var value = i + 1 < arguments.Length ? arguments[i + 1] : "";
            asked = arguments[i] switch
            {
                "--org" when Guid.TryParse(value, out var id) => asked with { Organization = id },
                "--conversation" when Guid.TryParse(value, out var id) => asked with { Conversation = id },
                "--days" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var days)
                    && days is >= 1 and <= DaysMax => asked with { Days = days },
                "--out" when value.Length > 0 => asked with { File = value },
                "--json" => asked with { Json = true },
                "--org" or "--conversation" => asked with { Fault = $"{arguments[i]} takes an id." },
                "--days" => asked with { Fault = $"--days takes a number from 1 to {DaysMax}." },
                _ => asked with { Fault = $"'{arguments[i]}' is not known." },
            };
            i += arguments[i] == "--json" ? 0 : 1;
        }

        return asked is { Verb: "restore", Fault: "" } and not { Organization: not null, Conversation: not null }
            ? asked with { Fault = "restore needs --org and --conversation." } : asked;
    }

    private static async Task<int> VerifyAsync(VerbServices services, Asked asked)
    {
        var check = services.Get<ArchiveCheck>();
        IReadOnlyList<Guid> organizations =
            asked.Organization is { } one ? [one] : await check.OrganizationsAsync(services.Stop);
        var (faults, stray, archives, documents, bytes, json) = (new List<CheckedArchive>(), new List<string>(), 0, 0L, 0L, 0L);
        var bar = new ProgressBar("archives");
        foreach (var organization in organizations)
        {
            await foreach (var archive in check.ListAsync(organization, services.Stop))
            {
                var found = await check.CheckAsync(archive, services.Stop);
                (archives, documents) = (archives + 1, documents + found.Documents);
                (bytes, json) = (bytes + found.Bytes, json + found.JsonBytes);
                bar.Show(archives);
                if (found.Fault is not null)
                {
                    faults.Add(found);
                }
            }

            stray.AddRange(await check.StrayAsync(organization, services.Stop));
        }

        bar.End();
        if (asked.Json)
        {
            Console.WriteLine(JsonSerializer.Serialize(
                new { Passed = faults.Count == 0, Archives = archives, Documents = documents, Bytes = bytes, JsonBytes = json,
                    Faults = faults, Stray = stray }, Format));
            return faults.Count == 0 ? 0 : 1;
        }

        foreach (var fault in faults)
        {
            Console.WriteLine($"{fault.OrganizationId} {fault.Kind} {fault.Id}: {fault.Fault}");
        }

        stray.ForEach(key => Console.WriteLine($"nobody's: {key} (no archive is called so; it may be removed)"));
        Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"{archives:N0} archives, {documents:N0} documents, {bytes:N0} bytes ")
            + (json > 0 ? string.Create(CultureInfo.InvariantCulture, $"({100.0 * bytes / json:0.0} % of their JSON). ") : ". ")
            + (faults.Count == 0 ? "All are as they were kept." : $"{faults.Count} are NOT as they were kept."));
        return faults.Count == 0 ? 0 : 1;
    }

    private static async Task<int> RestoreAsync(VerbServices services, Asked asked)
    {
        var restores = services.Get<ArchiveRestores>();
        var (organization, conversation) = (asked.Organization!.Value, asked.Conversation!.Value);
        if (asked.File is { } file)
        {
            await using var to = new StreamWriter(new FileStream(file, FileMode.CreateNew));
            var lines = await restores.WriteAsync(organization, conversation, to, services.Stop);
            Console.WriteLine($"{lines} documents written to {file}. Nothing was put back.");
            return 0;
        }

        var found = await restores.RestoreAsync(organization, conversation, asked.Days, services.Stop);
        Console.WriteLine($"{found.Messages} messages of {found.Archives} archives are back until {found.Until:yyyy-MM-dd}."
            + (found.Erased > 0 ? $" {found.Erased} pieces cannot be read any more: their contact was erased." : ""));
        return 0;
    }

    private sealed record Asked(string Verb, Guid? Organization, Guid? Conversation, int Days, string? File, bool Json, string Fault);
}
