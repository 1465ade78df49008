using Bsp.MetaSimulator.Templates;

namespace Bsp.MetaSimulator.Accounts;

/// <summary>A WhatsApp Business Account: the owner of numbers and templates.</summary>
/// <param name="token">The bearer token it was first used with; null when it was registered through control.</param>
internal sealed class Waba(string id, string? token)
{
    private readonly Lock _gate = new();
    private string[] _tokens = token is null ? [] : [token];

    public string Id => id;

    /// <summary>The bearer tokens that may act for it and for its numbers. None: the first one that is used becomes the one.</summary>
    public IReadOnlyList<string> Tokens => Volatile.Read(ref _tokens);

    public WabaTemplates Templates { get; } = new();

    /// <summary>The business portfolio that owns it.</summary>
    public string BusinessId { get; set; } = "7" + Common.Draw.Digits(id, 13, 14);

    /// <summary>From now on this token may act for it, too.</summary>
    public void Admit(string token)
    {
        lock (_gate)
        {
            _tokens = [.. _tokens.Append(token).Distinct(StringComparer.Ordinal)];
        }
    }

    /// <summary>Whether an app is subscribed to its webhooks.</summary>
    public bool Subscribed { get; set; }

    /// <summary>The callback this WABA's updates go to instead of the app's; null for the app's.</summary>
    public string? OverrideUrl { get; set; }

    /// <summary>From now on these tokens may act for it, and no others.</summary>
    public void Give(IEnumerable<string> tokens)
    {
        lock (_gate)
        {
            _tokens = [.. tokens.Distinct(StringComparer.Ordinal)];
        }
    }

    /// <summary>Whether the token may act for it.</summary>
    public bool Admits(string given)
    {
        lock (_gate)
        {
            if (_tokens.Length == 0)
            {
                _tokens = [given];
            }

            return _tokens.Contains(given, StringComparer.Ordinal);
        }
    }
}
