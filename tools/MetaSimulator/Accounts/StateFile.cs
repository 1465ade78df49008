using System.Text.Json;
using Bsp.MetaSimulator.Templates;

namespace Bsp.MetaSimulator.Accounts;

/// <summary>
/// Keeps accounts and templates between runs, so that a receiver which remembers an approved template finds it after
/// the simulator was started again. Written whole, a moment after a change; a kill loses at most that moment.
/// </summary>
internal sealed class StateFile : IDisposable
{
    private const int WriteAfterMs = 50;

    private static readonly JsonSerializerOptions Json =
        new(JsonSerializerDefaults.Web) { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private readonly string _path;
    private readonly AccountRegistry _accounts;
    private readonly Timer _timer;
    private readonly Lock _gate = new();

    private StateFile(string path, AccountRegistry accounts)
    {
        (_path, _accounts) = (path, accounts);
        _timer = new(_ => Write());
        accounts.Changed += () => _timer.Change(WriteAfterMs, Timeout.Infinite);
    }

    /// <summary>Reads what is there and follows the changes.</summary>
    /// <exception cref="JsonException">The file is not one of ours.</exception>
    public static StateFile Open(string path, AccountRegistry accounts)
    {
        if (File.Exists(path))
        {
            Restore(JsonSerializer.Deserialize<Kept>(File.ReadAllBytes(path), Json)!, accounts);
        }

        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        return new(path, accounts);
    }

    public void Dispose()
    {
        _timer.Dispose();
        Write();
    }

    private static void Restore(Kept kept, AccountRegistry accounts)
    {
        foreach (var waba in kept.Wabas)
        {
            var restored = accounts.Waba(waba.Id, waba.Token, strict: false)!;
            (restored.Subscribed, restored.OverrideUrl) = (waba.Subscribed, waba.OverrideUrl);
            restored.Give(waba.Tokens ?? (waba.Token is { } first ? [first] : []));
        }

        foreach (var phone in kept.Phones)
        {
            var restored = accounts.Phone(phone.Id, phone.Token, strict: false)!;
            (restored.LinkedWabaId, restored.Display, restored.VerifiedName, restored.MpsLimit) =
                (phone.WabaId, phone.Display, phone.VerifiedName, phone.MpsLimit);
        }

        foreach (var template in kept.Templates)
        {
            accounts.Add(accounts.Waba(template.WabaId, null, strict: false)!, template.ToTemplate());
        }
    }

    private void Write()
    {
        var kept = new Kept(
            [.. _accounts.Wabas.Select(w => new KeptWaba(w.Id, null, w.Subscribed, w.OverrideUrl, [.. w.Tokens]))],
            [.. _accounts.Phones.Select(p => new KeptPhone(p.Id, p.Token, p.LinkedWabaId, p.Display, p.VerifiedName, p.MpsLimit))],
            [.. _accounts.Wabas.SelectMany(w => w.Templates.All).Select(KeptTemplate.Of)]);
        lock (_gate)
        {
            File.WriteAllBytes(_path + ".new", JsonSerializer.SerializeToUtf8Bytes(kept, Json));
            File.Move(_path + ".new", _path, overwrite: true);
        }
    }

    private sealed record Kept(KeptWaba[] Wabas, KeptPhone[] Phones, KeptTemplate[] Templates);

    // Token: of files that were written when a WABA had one.
    private sealed record KeptWaba(string Id, string? Token, bool Subscribed, string? OverrideUrl, string[]? Tokens = null);

    private sealed record KeptPhone(string Id, string? Token, string? WabaId, string Display, string VerifiedName, int? MpsLimit);

    private sealed record KeptTemplate(string Id, string WabaId, string Name, string Language, string Category, string ParameterFormat,
        string Status, string RejectedReason, int? MessageSendTtlSeconds, JsonElement Components)
    {
        public static KeptTemplate Of(Template t) =>
            new(t.Id, t.WabaId, t.Name, t.Language, t.Category, t.ParameterFormat, t.Status, t.RejectedReason, t.MessageSendTtlSeconds,
                t.Components);

        public Template ToTemplate() => new()
        {
            Id = Id,
            WabaId = WabaId,
            Name = Name,
            Language = Language,
            Category = Category,
            ParameterFormat = ParameterFormat,
            Components = Components,
            Shape = TemplateShape.Of(Components, Category),
            Status = Status,
            RejectedReason = RejectedReason,
            MessageSendTtlSeconds = MessageSendTtlSeconds,
        };
    }
}
