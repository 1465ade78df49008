using Bsp.Application.Meta;
using Bsp.Domain.Templates;

namespace Bsp.Application.Templates;

/// <summary>
/// Finds which template on one side is that of the other: by Meta's id, else by name and language, which Meta gives once. The one rule,
/// whether a single template is laid beside Meta's or all of them.
/// </summary>
internal sealed class TemplateIndex<T> where T : class
{
    private readonly Dictionary<string, T> byMetaId = [];
    private readonly Dictionary<(string Name, string Language), T> byName = [];

    /// <param name="key">Meta's id, null when it has none; name and language.</param>
    public TemplateIndex(IEnumerable<T> all, Func<T, (string? MetaId, string Name, string Language)> key)
    {
        foreach (var one in all)
        {
            var (metaId, name, language) = key(one);
            if (metaId is not null)
            {
                byMetaId.TryAdd(metaId, one);
            }

            byName.TryAdd((name, language), one);
        }
    }

    /// <summary>Null: there is none.</summary>
    public T? Find(string? metaId, string name, string language) =>
        (metaId is null ? null : byMetaId.GetValueOrDefault(metaId)) ?? byName.GetValueOrDefault((name, language));
}

/// <summary>What Meta's template means for ours.</summary>
internal static class ListedTemplates
{
    /// <summary>Ours follows Meta's. The same already: no events.</summary>
    public static TemplateEvent[] Follow(this ListedTemplate there, Template state, DateTimeOffset now) => Template.Sync(state,
        there.MetaTemplateId, there.Status, there.RejectedReason, there.Category, there.Components, now);
}
