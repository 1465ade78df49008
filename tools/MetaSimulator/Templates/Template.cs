using System.Collections.Concurrent;
using System.Text.Json;

namespace Bsp.MetaSimulator.Templates;

/// <summary>One language of a template, as Meta keeps it. Changed under <c>lock(this)</c> only.</summary>
internal sealed class Template
{
    public required string Id { get; init; }

    public required string WabaId { get; init; }

    public required string Name { get; init; }

    public required string Language { get; init; }

    /// <summary>MARKETING, UTILITY or AUTHENTICATION.</summary>
    public required string Category { get; set; }

    public string? PreviousCategory { get; set; }

    /// <summary>NAMED or POSITIONAL.</summary>
    public required string ParameterFormat { get; set; }

    /// <summary>The components as they were sent; a clone that outlives its document.</summary>
    public required JsonElement Components { get; set; }

    /// <summary>What a send must fill in.</summary>
    public required TemplateShape Shape { get; set; }

    /// <summary>APPROVED, PENDING, REJECTED, PAUSED, DISABLED …</summary>
    public string Status { get; set; } = "PENDING";

    public string RejectedReason { get; set; } = "NONE";

    public string Quality { get; set; } = "UNKNOWN";

    public int? MessageSendTtlSeconds { get; set; }

    /// <summary>Edits of the last 30 days while approved.</summary>
    public List<DateTimeOffset> Edits { get; } = [];
}

/// <summary>The templates of one WABA by name and language.</summary>
internal sealed class WabaTemplates
{
    /// <summary>Source: Meta, a deleted name is free again after 30 days.</summary>
    private static readonly TimeSpan NameHeld = TimeSpan.FromDays(30);

    private readonly ConcurrentDictionary<(string Name, string Language), Template> _byName = new();
    private readonly ConcurrentDictionary<(string Name, string Language), DateTimeOffset> _deleted = new();
    private readonly Queue<DateTimeOffset> _created = new();

    public int Count => _byName.Count;

    public IEnumerable<Template> All => _byName.Values.OrderBy(t => t.Id, StringComparer.Ordinal);

    public Template? Find(string name, string language) => _byName.GetValueOrDefault((name, language));

    public void Add(Template template) => _byName[(template.Name, template.Language)] = template;

    public void Remove(Template template, DateTimeOffset now)
    {
        _byName.TryRemove((template.Name, template.Language), out _);
        _deleted[(template.Name, template.Language)] = now;
    }

    public bool IsHeld(string name, string language, DateTimeOffset now) =>
        _deleted.TryGetValue((name, language), out var at) && now - at < NameHeld;

    public bool MayCreate(int perHourMax, DateTimeOffset now)
    {
        lock (_created)
        {
            while (_created.TryPeek(out var oldest) && now - oldest > TimeSpan.FromHours(1))
            {
                _created.Dequeue();
            }

            if (_created.Count >= perHourMax)
            {
                return false;
            }

            _created.Enqueue(now);
            return true;
        }
    }
}
