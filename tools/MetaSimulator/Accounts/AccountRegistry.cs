using System.Collections.Concurrent;
using Bsp.MetaSimulator.Templates;

namespace Bsp.MetaSimulator.Accounts;

/// <summary>
/// Which id is what. An unknown number or WABA comes to life when it is first used as one (unless strict); an id known as
/// one kind is never also another.
/// </summary>
internal sealed class AccountRegistry
{
    private const int IdLengthMax = 32;

    private readonly ConcurrentDictionary<string, Waba> _wabas = new();
    private readonly ConcurrentDictionary<string, PhoneNumber> _phones = new();
    private readonly ConcurrentDictionary<string, Template> _templates = new();

    /// <summary>Raised after anything worth keeping between runs has changed.</summary>
    public event Action? Changed;

    public IEnumerable<Waba> Wabas => _wabas.Values;

    public IEnumerable<PhoneNumber> Phones => _phones.Values;

    public Waba? FindWaba(string id) => _wabas.GetValueOrDefault(id);

    public PhoneNumber? FindPhone(string id) => _phones.GetValueOrDefault(id);

    public Template? FindTemplate(string id) => _templates.GetValueOrDefault(id);

    /// <summary>Null when the id is something else, or unknown and may not be made.</summary>
    public PhoneNumber? Phone(string id, string? token, bool strict)
    {
        if (_phones.TryGetValue(id, out var known))
        {
            return known;
        }

        if (strict || !MayBecomeNew(id))
        {
            return null;
        }

        var phone = _phones.GetOrAdd(id, static (key, token) => new PhoneNumber(key, token), token);
        Changed?.Invoke();
        return phone;
    }

    /// <summary>Null when the id is something else, or unknown and may not be made.</summary>
    public Waba? Waba(string id, string? token, bool strict)
    {
        if (_wabas.TryGetValue(id, out var known))
        {
            return known;
        }

        if (strict || !MayBecomeNew(id))
        {
            return null;
        }

        var waba = _wabas.GetOrAdd(id, static (key, token) => new Waba(key, token), token);
        Changed?.Invoke();
        return waba;
    }

    public void Add(AccountSeed seed)
    {
        var phone = Phone(seed.PhoneNumberId, null, strict: false);
        if (phone is null || Waba(seed.WabaId, null, strict: false) is null)
        {
            throw new ArgumentException(
                $"{seed.PhoneNumberId} and {seed.WabaId} must be digits, distinct, and not known as something else.");
        }

        phone.LinkedWabaId = seed.WabaId;
        FindWaba(seed.WabaId)!.BusinessId = seed.BusinessId ?? FindWaba(seed.WabaId)!.BusinessId;
        if (seed.AccessTokens is { } tokens)
        {
            FindWaba(seed.WabaId)!.Give(tokens);
        }

        phone.Display = seed.DisplayPhoneNumber is { } display ? new string([.. display.Where(char.IsAsciiDigit)]) : phone.Display;
        phone.VerifiedName = seed.VerifiedName ?? phone.VerifiedName;
        phone.MpsLimit = seed.MpsLimit ?? phone.MpsLimit;
        Changed?.Invoke();
    }

    /// <summary>Whether the token may act for the number: one of its WABA's; of a number without a WABA the first that was used.</summary>
    public bool Admits(PhoneNumber phone, string token) =>
        phone.LinkedWabaId is { } linked && FindWaba(linked) is { } waba ? waba.Admits(token) : (phone.Token ??= token) == token;

    /// <summary>Whether the token may act for the template: one of its WABA's.</summary>
    public bool Admits(Template template, string token) => FindWaba(template.WabaId)?.Admits(token) ?? true;

    /// <summary>Numbers without a WABA that the same token brought to life belong to the one whose numbers it asks for.</summary>
    public void LinkLoose(Waba waba, string token)
    {
        foreach (var phone in _phones.Values.Where(p => p.LinkedWabaId is null && p.Token == token))
        {
            phone.LinkedWabaId = waba.Id;
            Changed?.Invoke();
        }
    }

    public void Add(Waba waba, Template template)
    {
        waba.Templates.Add(template);
        _templates[template.Id] = template;
        Changed?.Invoke();
    }

    public void Remove(Waba waba, IReadOnlyList<Template> templates, DateTimeOffset now)
    {
        foreach (var template in templates)
        {
            waba.Templates.Remove(template, now);
            _templates.TryRemove(template.Id, out _);
        }

        Changed?.Invoke();
    }

    public void NoteChange() => Changed?.Invoke();

    public IEnumerable<PhoneNumber> PhonesOf(Waba waba) => _phones.Values.Where(p => p.WabaId == waba.Id);

    /// <summary>
    /// The template a number sends. Nothing in Graph's calls says which WABA a number belongs to, so a number that was
    /// not registered through control is linked to the WABA of the same token that has the template; one that has no
    /// number yet is preferred.
    /// </summary>
    public Template? TemplateFor(PhoneNumber phone, string name, string language)
    {
        if (phone.LinkedWabaId is { } linked)
        {
            return FindWaba(linked)?.Templates.Find(name, language);
        }

        var waba = _wabas.Values
            .Where(w => (w.Tokens.Count == 0 || (phone.Token is { } token && w.Tokens.Contains(token)))
                && w.Templates.Find(name, language) is not null)
            .OrderBy(w => _phones.Values.Any(p => p.LinkedWabaId == w.Id))
            .ThenBy(w => w.Id, StringComparer.Ordinal)
            .FirstOrDefault();
        if (waba is null)
        {
            return null;
        }

        phone.LinkedWabaId = waba.Id;
        Changed?.Invoke();
        return waba.Templates.Find(name, language);
    }

    private bool MayBecomeNew(string id) =>
        id.Length is > 0 and <= IdLengthMax && id.All(char.IsAsciiDigit)
        && !_wabas.ContainsKey(id) && !_phones.ContainsKey(id) && !_templates.ContainsKey(id);
}
