using Bsp.MetaSimulator.Templates;

namespace Bsp.MetaSimulator.Accounts;

/// <summary>A WhatsApp Business Account: the owner of numbers and templates.</summary>
/// <param name="token">The bearer token it was first used with; null when it was registered through control.</param>
internal sealed class Waba(string id, string? token)
{
    public string Id => id;

    public string? Token => token;

    public WabaTemplates Templates { get; } = new();

    /// <summary>Whether an app is subscribed to its webhooks.</summary>
    public bool Subscribed { get; set; }

    /// <summary>The callback this WABA's updates go to instead of the app's; null for the app's.</summary>
    public string? OverrideUrl { get; set; }
}
