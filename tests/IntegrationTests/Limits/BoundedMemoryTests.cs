using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Bsp.Application.Common;
using Bsp.Infrastructure.Webhooks;
using Bsp.IntegrationTests.Common;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Bsp.IntegrationTests.Limits;

/// <summary>Whatever lives as long as the process has a bound, and says which.</summary>
public sealed class BoundedMemoryTests(AppFixture app) : IClassFixture<AppFixture>
{
    private static readonly Type[] Growing =
    [
        typeof(Dictionary<,>), typeof(SortedDictionary<,>), typeof(HashSet<>), typeof(SortedSet<>), typeof(List<>), typeof(Queue<>),
            typeof(PriorityQueue<,>), typeof(Stack<>), typeof(LinkedList<>), typeof(Channel<>),
        typeof(ConcurrentDictionary<,>), typeof(ConcurrentQueue<>), typeof(ConcurrentBag<>), typeof(ConcurrentStack<>),
        typeof(BlockingCollection<>), typeof(ConditionalWeakTable<,>), typeof(MemoryCache),
        typeof(IMemoryCache), typeof(IDictionary<,>), typeof(IList<>), typeof(ISet<>), typeof(ICollection<>),
        typeof(System.Text.StringBuilder), typeof(MemoryStream),
    ];

    private static readonly Assembly[] Ours =
        [typeof(Api.Program).Assembly, typeof(BoundedAttribute).Assembly, typeof(NumberDirectory).Assembly,
            typeof(Domain.Common.Text).Assembly];

    [Fact]
    public void Every_collection_of_every_service_is_a_bounded_memory_or_says_what_bounds_it()
    {
        var (seen, open, missing) = (new HashSet<Type>(), new Queue<Type>(Roots()), new List<string>());
        while (open.TryDequeue(out var type))
        {
            foreach (var field in Fields(type, BindingFlags.Instance))
            {
                if (Grows(field.FieldType)
                    && (field.GetCustomAttribute<BoundedAttribute>()
                        ?? field.DeclaringType!.GetCustomAttribute<BoundedAttribute>()) is not { By.Length: > 0 })
                {
                    missing.Add($"{type.Name}.{field.Name}: {field.FieldType.Name}");
                }

                foreach (var part in Parts(field.FieldType)
                    .Where(part => part.IsClass && Ours.Contains(part.Assembly) && Keeps(part) && seen.Add(part)))
                {
                    open.Enqueue(part);
                }
            }
        }

        seen.Count.ShouldBeGreaterThan(30);
        missing.Distinct().Order()
            .ShouldBeEmpty("Make it a BoundedCache that Composition lists, or say with [Bounded] why it cannot grow without end.");
    }

    [Fact]
    public void No_static_field_can_grow_but_those_that_say_what_bounds_them()
    {
        var missing = Ours.SelectMany(a => a.GetTypes()).Where(t => !t.FullName!.Contains('<') && !t.ContainsGenericParameters)
            .SelectMany(t =>
                Fields(t, BindingFlags.Static)
                .Where(f => !f.Name.StartsWith('<') && Grows(f.FieldType) && !f.IsDefined(typeof(BoundedAttribute)) && !IsTable(f))
                .Select(f => $"{t.Name}.{f.Name}"));
        missing.Order()
            .ShouldBeEmpty(
                "A table that is written in the source is a FrozenDictionary or a FrozenSet, or IReadOnly…; anything else says what bounds it.");
    }

    [Fact]
    public async Task Every_bounded_memory_is_listed_once_and_shown_with_its_figures()
    {
        var listed = app.Services.GetServices<IBoundedMemory>().ToList();
        listed.Select(m => m.Name).ShouldBeUnique();
        listed.ShouldAllBe(m => m.BytesMax > 0 && m.BytesNow >= 0 && m.BytesNow <= m.BytesMax);
        var held = Instances()
            .SelectMany(service =>
                Fields(service.GetType(), BindingFlags.Instance).Where(f => f.FieldType.IsAssignableTo(typeof(IBoundedMemory)))
                .Select(f => (IBoundedMemory)f.GetValue(service)!)).Select(m => m.Name);
        held.Except(listed.Select(m => m.Name)).ShouldBeEmpty();
        var text = (await app.Platform.SendAsync("GET", "/metrics")).Text;
        foreach (var memory in listed)
        {
            text.ShouldContain($"bsp_memory_bytes{{memory=\"{memory.Name}\"}} ");
            text.ShouldContain($"bsp_memory_bytes_max{{memory=\"{memory.Name}\"}} {memory.BytesMax}\n");
        }
    }

    [Fact]
    public async Task Ids_that_webhooks_name_are_remembered_within_their_bytes_and_too_long_ones_not_at_all()
    {
        var numbers = app.Services.GetRequiredService<NumberDirectory>();
        var ct = TestContext.Current.CancellationToken;
        await Parallel.ForAsync(0, 200, ct, async (i, token) =>
            (await numbers.ByPhoneNumberIdAsync($"{i}{new string('9', 1_000_000)}", "1", null, token)).ShouldBeNull());
        numbers.Memory.BytesNow.ShouldBeLessThan(100_000);
        (await numbers.ByWabaAsync(new string('1', 129), null, ct)).ShouldBeEmpty();
        (await numbers.ByDisplayNumberAsync($"+{new string('1', 10_000)}", "1", null, ct)).ShouldBeNull();
        for (var i = 0; i < 500; i++)
        {
            await numbers.ByPhoneNumberIdAsync($"{i}{new string('9', 40)}", "1", null, ct);
        }

        numbers.Memory.BytesNow.ShouldBeLessThanOrEqualTo(numbers.Memory.BytesMax);
    }

    [Fact]
    public void A_cache_never_holds_more_than_its_bytes_and_keeps_what_is_asked_for()
    {
        var cache = new BoundedCache<string, string>("test", 100_000, (key, value) => 2 * (key.Length + value.Length), TimeProvider.System);
        for (var i = 0; i < 20_000; i++)
        {
            cache.Put($"{i}", new string('x', i % 500), TimeSpan.FromMinutes(1));
            cache.TryGet("0", out _).ShouldBeTrue();
            cache.BytesNow.ShouldBeLessThanOrEqualTo(100_000);
        }

        cache.Put("large", new string('x', 20_000), TimeSpan.FromMinutes(1));
        cache.TryGet("large", out _).ShouldBeFalse();
        cache.Put("gone", "", TimeSpan.Zero);
        cache.TryGet("gone", out _).ShouldBeFalse();
        cache.Remove("0");
        cache.TryGet("0", out _).ShouldBeFalse();
        cache.Clear();
        cache.BytesNow.ShouldBe(0);
    }

    private IEnumerable<Type> Roots() => Instances().Select(i => i.GetType())
        .Concat(Ours.SelectMany(a => a.GetTypes())
            .Where(t => t.IsClass
                && (t.IsAssignableTo(typeof(Carter.ICarterModule))
                    || t.GetConstructors().Any(c => c.GetParameters().Any(p => p.ParameterType == typeof(RequestDelegate))))))
        .Distinct();

    // Services of our own that are there for as long as the process: asked for twice, it is the same.
    private IEnumerable<object> Instances() =>
        Ours.SelectMany(a => a.GetTypes()).Where(t => !t.ContainsGenericParameters && !t.IsAbstract | t.IsInterface && !t.IsValueType)
        .SelectMany(t => app.Services.GetService(typeof(IServiceProviderIsService)) is IServiceProviderIsService known
            && known.IsService(t) ? app.Services.GetServices(t) : [])
        .Concat(app.Services.GetServices<IHostedService>()).OfType<object>().Where(o => Ours.Contains(o.GetType().Assembly))
        .Distinct(ReferenceEqualityComparer.Instance);

    private static IEnumerable<FieldInfo> Fields(Type type, BindingFlags kind)
    {
        for (var at = type; at is not null && at != typeof(object) && Ours.Contains(at.Assembly); at = at.BaseType)
        {
            foreach (var field in at.GetFields(kind | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            {
                yield return field;
            }
        }
    }

    private static bool Grows(Type type) =>
        Parts(type).Take(1).Any(t => Growing.Contains(t.IsGenericType ? t.GetGenericTypeDefinition() : t));

    // A type and what it is made of: Lazy<AppendLanes> leads to AppendLanes.
    private static IEnumerable<Type> Parts(Type type) => type.IsArray ? Parts(type.GetElementType()!).Prepend(type) : type.IsGenericType
        ? type.GetGenericArguments().SelectMany(Parts).Prepend(type) : [type];

    // Records are what passes through; what keeps is a class with a name of its own.
    private static bool Keeps(Type type) => type.GetMethod("<Clone>$") is null && !type.IsAssignableTo(typeof(Delegate))
        && !type.IsAssignableTo(typeof(Exception)) && !type.Name.StartsWith('<');

    // Written in the source and never changed: readonly, of names, types and small values.
    private static bool IsTable(FieldInfo field) => field.IsInitOnly && Parts(field.FieldType).Skip(1).Take(1)
        .All(key => key == typeof(string) || key == typeof(Type) || key == typeof(int) || key.IsEnum)
        && field.FieldType.GetGenericTypeDefinition() is var kind && (kind == typeof(Dictionary<,>) || kind == typeof(HashSet<>));
}
